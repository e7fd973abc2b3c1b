# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed gateway as a unit on a machine of its own, with a client's network beside it.

Owns the files of that machine: accounts, site file, keys, the unit as bootstrap installs it. The package itself is the
host's, mounted read-only at its own path.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.interop import roots
from tests.interop.conftest import PASSWORD
from tests.interop.raw import Raw
from tests.system.machine import RELEASES, Machine, machine, release
from tests.system.whole_gateway import until
from wolfguard.cli.demo.site import SERVER_NAMES
from wolfguard.crypto.authority import make_authority
from wolfguard.linux.namespace import Topology
from wolfguard.procs.mgmtd.roles import GROUPS
from wolfguard.sandbox.processes import PROCESSES

TREE = Path(__file__).resolve().parents[2]
UNIT = "wolfguard-gateway.service"
UNITS = "usr/local/lib/systemd/system"
SETTINGS = "etc/wolfguard-gateway"
STATE = "var/lib/wolfguard-gateway"
PREFIX = "/opt/wolfguard-gateway/"
WORKERS = 2
FIRST_ACCOUNT = 700


@dataclass
class Ground:
    machine: Machine
    topology: Topology
    authority: Path

    def systemctl(self, *words: str) -> str:
        return self.machine.read("systemctl", "--no-pager", *words)

    def show(self, name: str) -> str:
        """One property of the unit."""
        return self.systemctl("show", "--property", name, "--value", UNIT)

    def start(self) -> None:
        self.systemctl("start", UNIT)

    @property
    def supervisor(self) -> int:
        """Its number inside the machine."""
        return int(self.show("MainPID"))

    def host_supervisor(self) -> int:
        """Its number outside."""
        return self.machine.host_pid(self.supervisor)

    def asked(self, *words: str) -> Any:
        """What a command of the gateway answers, as JSON; None while it cannot."""
        result = self.machine.run("wolfguard", *words, "--json")
        return json.loads(result.stdout) if result.returncode == 0 else None

    def status(self, pid: int) -> dict[str, str]:
        """/proc/<pid>/status of a process of the machine."""
        lines = self.machine.read("cat", f"/proc/{pid}/status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def processes(self) -> list[dict[str, Any]]:
        answer = self.asked("status")
        assert answer is not None
        found: list[dict[str, Any]] = answer["processes"]
        return found

    def pids(self) -> set[int]:
        """Everything in the unit's cgroup."""
        path = self.show("ControlGroup")
        result = self.machine.run("cat", f"/sys/fs/cgroup{path}/cgroup.procs")
        return {int(number) for number in result.stdout.split()}

    def left(self) -> list[str]:
        """What a gateway has in the kernel of the machine, and its run folder."""
        commands = (
            ("ip", "-o", "link", "show"),
            ("ip", "-4", "route", "show", "table", "all"),
            ("ip", "-6", "route", "show", "table", "all"),
            ("nft", "-s", "list", "ruleset"),
            ("ls", "/run"),
        )
        return [self.machine.read(*command) for command in commands]

    def log(self) -> str:
        return self.machine.read("journalctl", "--no-pager", "-o", "cat", "-u", UNIT)

    def until_served_by_another(self, before: int, limit: float = 60.0) -> None:
        """Until the unit is active with another supervisor than the one before."""
        until(lambda: self.show("ActiveState") == "active" and self.supervisor not in (0, before), "a new start", limit)

    def connect(self, user: str) -> Raw:
        """A session of a client made of bytes."""
        raw = Raw.open(self.topology.client, str(self.authority))
        code, head, _ = raw.connect(raw.log_in(user, PASSWORD))
        assert code == 200, head
        return raw

    def drop_in(self, *lines: str) -> None:
        """Settings of this boot for the unit; none takes them back."""
        folder = f"/run/systemd/system/{UNIT}.d"
        text = "\n".join(["[Service]", *lines, ""]) if lines else ""
        result = self.machine.run("sh", "-ec", f"mkdir -p {folder} && cat >{folder}/test.conf", stdin=text)
        assert result.returncode == 0, result.stderr
        self.systemctl("daemon-reload")

    def configure(self, **sections: Any) -> None:
        """Writes the site file; `sections` replace its top-level keys."""
        text = yaml.safe_dump({**site(), **sections}, sort_keys=False)
        result = self.machine.run("tee", f"/{SETTINGS}/wolfguard.yml", stdin=text)
        assert result.returncode == 0, result.stderr


def site() -> dict[str, Any]:
    """Default paths and the journal, as on a real machine."""
    tls = f"/{SETTINGS}/tls"
    certificates = [
        {"certificate": f"{tls}/server-{kind}.pem", "key": f"{tls}/server-{kind}.key"} for kind in ("ecdsa", "rsa")
    ]
    network = {"ipv4_pool": Topology.INSIDE_V4, "ipv6_pool": Topology.INSIDE_V6}
    return {
        "listeners": [{"address": "::", "port": 443}],
        "sites": [{"name": "main", "certificates": certificates, "network": network}],
        "workers": WORKERS,
    }


@contextmanager
def ground(name: str) -> Iterator[Ground]:
    """A booted machine where the unit is installed and not started."""
    topology = Topology.named(name)
    topology.delete()
    topology.add()
    folder = Path(tempfile.mkdtemp(prefix="wolfguard-test-"))
    try:
        files = folder / "files"
        _lay(files)
        with machine(name, topology.gateway, folder, f"--bind-ro={sys.prefix}") as booted:
            yield Ground(booted, topology, files / SETTINGS / "tls" / "ca.pem")
    finally:
        topology.delete()
        shutil.rmtree(folder)


def _lay(files: Path) -> None:
    files.mkdir(mode=0o755)
    settings, units, command = files / SETTINGS, files / UNITS, files / "usr" / "local" / "bin"
    for each in (settings, settings / "keys", units, command):
        each.mkdir(parents=True)
    for each in files.rglob("*"):
        each.chmod(0o755)
    make_authority(settings / "tls", SERVER_NAMES)
    (settings / "wolfguard.yml").write_text(yaml.safe_dump(site(), sort_keys=False))
    unit = (TREE / "systemd" / UNIT).read_text().replace(PREFIX, f"{sys.prefix}/")
    (units / UNIT).write_text(unit)
    (command / "wolfguard").symlink_to(Path(sys.prefix) / "bin" / "wolfguard")
    state = files / STATE
    state.mkdir(parents=True, mode=0o700)
    number = _accounts(files / "etc", roots.make(RELEASES[release()]) / "etc")
    os.chown(state, number, number)


def _accounts(folder: Path, base: Path) -> int:
    """Adds the gateway's to those of the root, by numbers that a small Debian leaves free; returns sessiond's."""
    users = [process.user for process in PROCESSES.values()]
    numbers = dict(zip((*users, *GROUPS.values()), range(FIRST_ACCOUNT, FIRST_ACCOUNT + 100), strict=False))
    passwd = [f"{user}:x:{numbers[user]}:{numbers[user]}::/nonexistent:/usr/sbin/nologin" for user in users]
    group = [f"{name}:x:{number}:" for name, number in numbers.items()]
    for kind, lines in (("passwd", passwd), ("group", group)):
        (folder / kind).write_text((base / kind).read_text() + "\n".join([*lines, ""]))
    return numbers["wolfguard-sessiond"]
