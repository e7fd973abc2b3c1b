# SPDX-License-Identifier: GPL-3.0-or-later
"""What updates do to a running gateway and its clients: one that has passed, and several that do not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

ANSIBLE = Path(__file__).parents[4]
TREE = ANSIBLE.parent
CURRENT = "/opt/wolfguard-gateway/current"
UNIT = "wolfguard-gateway.service"
KEPT = ("session", "user", "ipv4", "created")
BACK_SECONDS = 60.0
# The source that a failed build came from lies below /usr/local/src, and belongs to nobody.
HASHES = (
    "find /etc /usr/local /opt/wolfguard-gateway -xdev -path /usr/local/src -prune -o -type f ! -name '*.pyc' -print0"
    " | sort -z | xargs -0 sha256sum | sha256sum; readlink /opt/wolfguard-gateway/current;"
    " ls /opt/wolfguard-gateway/versions"
)


class Site:
    """The machine, its client, and the playbook run against it once more."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.folder = folder

    def refused(self, kind: str) -> str:
        """What site.yml says of another source, with which it must fail."""
        made = [os.environ["WOLFGUARD_PYTHON"], "-m", "tests.appliance.versions", self.folder.name, kind]
        tree = subprocess.run(made, cwd=TREE, check=True, capture_output=True, text=True).stdout.strip()
        words = [
            "ansible-playbook",
            "-i",
            os.environ["MOLECULE_INVENTORY_FILE"],
            "site.yml",
            "-e",
            f"gateway_source={tree}",
        ]
        result = subprocess.run(words, cwd=ANSIBLE, check=False, capture_output=True, text=True)
        said = result.stdout + result.stderr
        assert result.returncode != 0, said[-3000:]
        return said

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.host.check_output("wolfguard status --json"))
        return found

    def pids(self) -> dict[str, int]:
        main = int(self.host.check_output(f"systemctl show --property MainPID --value {UNIT}"))
        return {"supervisor": main} | {
            f"{each['process']}/{each['slot']}": each["pid"] for each in self.status()["processes"]
        }

    def session(self) -> dict[str, Any]:
        """Of the client, when it carries."""
        begun, end = time.time(), time.monotonic() + BACK_SECONDS
        while not [each for each in self.answers() if each > begun]:
            assert time.monotonic() < end, (self.folder / "client.log").read_text(errors="replace")[-3000:]
            time.sleep(0.2)
        sessions = json.loads(self.host.check_output("wolfguard sessions --json"))["sessions"]
        (one,) = sessions
        return {key: one[key] for key in KEPT}

    def answers(self) -> list[float]:
        said = (self.folder / "ping.log").read_text(errors="replace")
        return [float(number) for number in re.findall(r"^\[([\d.]+)\] .* ttl=", said, re.MULTILINE)]

    def gap(self, since: float = 0.0) -> float:
        """Seconds without an answer, the longest."""
        times = [each for each in self.answers() if each > since]
        return max(later - earlier for earlier, later in pairwise(times))

    def records(self, name: str) -> int:
        lines = self.host.check_output("wolfguard events --since 0 --json").splitlines()
        return sum(json.loads(line)["event"] == name for line in lines)


@pytest.fixture(scope="module")
def site(host: Host, folder: Path) -> Site:
    return Site(host, folder)


@pytest.fixture
def told(site: Site, request: pytest.FixtureRequest) -> Iterator[None]:
    """Says on the terminal how long the client was without answers."""
    since = time.time()
    yield
    print(f"{request.node.name}: at most {site.gap(since):.2f} s without an answer")


def test_the_update_was_gentle(site: Site) -> None:
    """The scenario's converge: from 0.0.1 to this tree, with a client connected before."""
    assert site.status()["version"] != "0.0.1"
    versions = site.host.check_output("ls /opt/wolfguard-gateway/versions").split()
    assert len(versions) == 2
    assert any(each.startswith("0.0.1-") for each in versions)
    assert site.session()["user"] == "alice"
    # One login, and no stop of the gateway as a whole: its supervisor is the one that the older version had started.
    assert site.records("login.succeeded") == 1
    supervisor = site.pids()["supervisor"]
    assert "/versions/0.0.1-" in site.host.check_output(f"cat /proc/{supervisor}/cmdline | tr '\\0' ' '")
    print(f"the update: at most {site.gap():.2f} s without an answer")


def test_a_backup_was_made_before(site: Site) -> None:
    *_, file = sorted(site.host.check_output("ls /var/backups/wolfguard-gateway").split())
    path = f"/var/backups/wolfguard-gateway/{file}"
    assert (site.host.file(path).mode, site.host.file(path).user) == (0o600, "root")
    said = json.loads(site.host.check_output(f"wolfguard restore --check --json {path}"))
    assert said["version"] == "0.0.1"
    assert "/etc/wolfguard-gateway/keys/checkpoint.key" in said["files"]


def test_a_version_that_cannot_be_built_changes_nothing(site: Site, told: None) -> None:
    before = (site.host.check_output(HASHES), site.pids(), site.session())
    said = site.refused("does-not-compile")
    assert "version 9.0.1-" in said
    assert re.search(r"could not be built; version \S+ runs on as it was", said), said[-3000:]
    assert (site.host.check_output(HASHES), site.pids(), site.session()) == before


def test_a_version_whose_worker_does_not_start_goes(site: Site, told: None) -> None:
    before, current, session = site.pids(), site.host.check_output(f"readlink {CURRENT}"), site.session()
    said = site.refused("no-worker")
    assert "worker/0 does not start: it ended with status 9" in said, said[-3000:]
    assert re.search(r"version \S+ runs again, since 9.0.2-\w+ has not passed", said), said[-3000:]
    assert site.host.check_output(f"readlink {CURRENT}") == current
    assert site.pids()["supervisor"] == before["supervisor"]
    assert site.session() == session


def test_a_version_that_the_audit_does_not_pass_goes(site: Site, told: None) -> None:
    current, session, version = site.host.check_output(f"readlink {CURRENT}"), site.session(), site.status()["version"]
    unit = site.host.check_output(f"systemctl cat {UNIT} | sha256sum")
    said = site.refused("weaker-unit")
    assert "confinement/unit-" in said, said[-3000:]
    assert re.search(r"version \S+ runs again, since 9.0.3-\w+ has not passed", said), said[-3000:]
    assert site.host.check_output(f"readlink {CURRENT}") == current
    assert site.host.check_output(f"systemctl cat {UNIT} | sha256sum") == unit
    assert site.status()["version"] == version
    assert site.status()["silent"] == []
    assert site.session() == session
    assert site.records("login.succeeded") == 1
