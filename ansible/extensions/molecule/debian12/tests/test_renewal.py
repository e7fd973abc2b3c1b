# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate of the site's authority that ends soon: the playbook says so, and the next one is taken while the
gateway goes on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from testinfra.host import Host

ANSIBLE = Path(__file__).resolve().parents[4]
MOLECULE = ANSIBLE / "extensions" / "molecule"
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
LONGER_THAN_IT_LASTS = 90
Play = Callable[..., str]


@pytest.fixture(scope="module")
def play(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Runs the playbook, which must not fail; what it says."""
    inventory = tmp_path_factory.mktemp("inventory")
    (inventory / "hosts").write_text(f"[gateways]\n{folder.name}\n")
    (inventory / "group_vars").symlink_to(MOLECULE / "shared" / "group_vars")
    (inventory / "host_vars").symlink_to(MOLECULE / "debian12" / "host_vars")
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
        "ANSIBLE_CONNECTION_PLUGINS": str(MOLECULE / "plugins" / "connection"),
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_NOCOLOR": "1",
    }

    def run(**given: int) -> str:
        command = [str(PLAYBOOK), "-i", str(inventory / "hosts"), "-e", json.dumps(given), "site.yml"]
        result = subprocess.run(command, cwd=ANSIBLE, env=environment, check=False, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
        return result.stdout

    return run


def served(folder: Path) -> str:
    """The serial number of the certificate that the listener sends."""
    leader = (folder / "leader").read_text().strip()
    network = ["nsenter", f"--target={leader}", "--net"]
    words = [*network, "openssl", "s_client", "-connect", "127.0.0.1:443", "-servername", "vpn.example.org"]
    sent = subprocess.run(words, input="", capture_output=True, text=True, check=True)
    asked = ["openssl", "x509", "-noout", "-serial"]
    return subprocess.run(asked, input=sent.stdout, capture_output=True, text=True, check=True).stdout


def processes(host: Host) -> list[tuple[str, int, int]]:
    status = json.loads(host.check_output("wolfguard status --json"))
    return sorted((each["process"], each["slot"], each["pid"]) for each in status["processes"])


def test_one_that_ends_soon_is_told_and_nothing_is_changed(play: Play, folder: Path) -> None:
    before = served(folder)
    said = play(pki_renew_days=LONGER_THAN_IT_LASTS)
    assert re.search(r"ends within 90 days \(notAfter=.* GMT\)", said)
    assert re.search(rf"{folder.name} .*changed=0 ", said)
    assert served(folder) == before


def test_the_next_one_is_served_by_the_processes_that_run(play: Play, folder: Path, host: Host) -> None:
    before, running = served(folder), processes(host)
    stem = folder / "pki" / folder.name
    words = ["-days", "365", "-copy_extensions", "copyall", "-CA", f"{stem}-ca.pem", "-CAkey", f"{stem}-ca.key"]
    command = ["openssl", "x509", "-req", "-sha256", *words, "-in", f"{stem}.csr", "-out", f"{stem}.pem"]
    subprocess.run(command, check=True, capture_output=True)
    said = play(pki_renew_days=LONGER_THAN_IT_LASTS)
    assert "ends within" not in said
    assert served(folder) != before
    assert processes(host) == running
