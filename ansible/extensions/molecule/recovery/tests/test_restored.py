# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh machine takes the lost one's place: its data first, then site.yml; nobody can tell the difference."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from ground import KEYS, Json, Site, event
from testinfra.host import Host

PASSWORD = "correct horse battery staple"
RESTORE = "playbooks/restore.yml"
# What two audits of one machine at rest differ by.
MOVES = {("value", "records/checkpoints-made"): "how many records ago the newest checkpoint was made"}


@pytest.fixture(scope="module")
def site(host: Host, folder: Path) -> Site:
    return Site(host, folder)


@pytest.fixture(scope="module")
def known(site: Site) -> Json:
    found: Json = json.loads((site.kept / "known.json").read_text())
    return found


def wolfguard(*words: str) -> subprocess.CompletedProcess[str]:
    """The controller's own."""
    command = [os.environ["WOLFGUARD_PYTHON"], "-m", "wolfguard.cli", *words]
    return subprocess.run(command, cwd="/", check=False, capture_output=True, text=True)


def test_check_mode_on_a_fresh_machine(site: Site, known: Json) -> None:
    code, output = site.play(RESTORE, "-e", f"gateway_backup={known['backup']}", "--check")
    assert code == 0, output[-3000:]
    assert not site.host.file("/etc/wolfguard-gateway").exists
    assert not site.host.file("/usr/local/bin/wolfguard").exists


def test_a_bad_backup_leaves_a_fresh_machine_without_data(site: Site) -> None:
    code, output = site.play(RESTORE, "-e", f"gateway_backup={site.kept}/cut-off")
    assert code == 2, output[-3000:]
    told = " ".join(output.split())
    assert "is not put back, and nothing but the program is installed. wolfguard: this backup is cut off" in told
    assert site.host.run("ls /var/lib/wolfguard-gateway/* /etc/wolfguard-gateway/keys/*").stdout == ""


def test_the_data_come_first(site: Site, known: Json) -> None:
    code, output = site.play(RESTORE, "-e", f"gateway_backup={known['backup']}")
    assert code == 0, output[-3000:]
    assert site.files() == known["files"]


def test_then_the_playbook_whose_audit_knows_the_lost_machines_key(site: Site, known: Json) -> None:
    """The reports are signed by the key that the controller has from the machine that is lost."""
    code, output = site.play("site.yml")
    assert code == 0, output[-3000:]
    assert (site.folder / "evidence.pub").read_bytes() == (site.kept / "evidence.pub").read_bytes()
    key = str(site.kept / "evidence.pub")
    for folder in ("last", "previous"):
        verified = wolfguard("audit", "verify", str(site.folder / folder), "--key", key)
        assert verified.returncode == 0, verified.stdout + verified.stderr
    assert site.files() == known["files"]
    assert site.users() == known["users"]


def test_the_session_comes_back_by_its_cookie_with_its_address(site: Site, known: Json) -> None:
    site.client("up", str(site.kept / "cookie"))
    site.carries()
    assert site.session("alice") == known["session"]


def test_what_the_audit_says_of_it_is_the_same(site: Site) -> None:
    after = site.audit("after")
    result = wolfguard("audit", "diff", "--json", str(site.kept / "before"), str(after))
    found = json.loads(result.stdout)
    assert (result.returncode, found["remarks"]) == (0, []), result.stdout
    other = [change for change in found["changes"] if (change["kind"], change["rule"]) not in MOVES]
    assert other == []


def test_users_log_in_with_their_passwords(site: Site) -> None:
    assert site.client("login", "bob")
    assert site.session("bob")["user"] == "bob"


def test_the_records_go_on_where_they_were(site: Site, known: Json) -> None:
    now, before = site.records(), known["records"]
    copied = max(number for number, line in enumerate(before) if event(line) == "admin.state-copied")
    assert now[: copied + 1] == before[: copied + 1]
    later = [event(line) for line in now[copied + 1 :]]
    assert later.count("gateway.restored") == 1
    assert "login.succeeded" in later
    numbers = [json.loads(line)["sequence"] for line in now]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert site.host.file(f"{KEYS}/checkpoint.pub").content == (site.kept / "checkpoint.pub").read_bytes()
    assert site.asked("records", "verify", "--gateway", "--key", f"{KEYS}/checkpoint.pub")["verdict"] == "sound"


def test_once_more_on_the_gateway_that_runs(site: Site, known: Json) -> None:
    """What is true then is what was true when the backup was made, also the second time."""
    code, output = site.play(RESTORE, "-e", f"gateway_backup={known['backup']}")
    assert code == 0, output[-3000:]
    assert site.files() == known["files"]
    assert site.users() == known["users"]
    assert site.session("alice") == known["session"]
    assert site.asked("sessions", "--user", "bob")["sessions"] == []
    assert [event(line) for line in site.records()].count("gateway.restored") == 1
    assert site.host.service("wolfguard-gateway").is_enabled


def test_no_secret_was_told(site: Site, known: Json) -> None:
    """At the highest verbosity, of all plays of both halves."""
    said = (site.kept / "said").read_text(errors="replace")
    assert "It is put back" in said
    lines = [line for line in known["secrets"] if not line.startswith("-----")]
    assert len(lines) > 6
    secret = [*lines, PASSWORD, (site.kept / "cookie").read_text()]
    assert [each for each in secret if re.search(re.escape(each), said)] == []


def test_nothing_of_the_backup_is_left_outside_of_its_folder(site: Site) -> None:
    assert site.host.run("ls -d /tmp/wolfguard-restore* /var/tmp/wolfguard-restore*").stdout == ""
