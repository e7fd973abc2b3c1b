# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit run` of a container of systemd-nspawn and of a root file system of this machine: a real one with a
gateway says what its own audit says, a hostile one gets nothing out of being looked at, one that ends is errors."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop import roots
from tests.system.machine import RELEASES, machine, release
from tests.system.unit_ground import Ground, ground
from wolfguard.linux.namespace import Topology
from wolfguard.policy.controls import read_audit_profile

COMMAND = [sys.executable, "-I", "-m", "wolfguard.cli", "audit", "run", "--fail-on", "never", "--json"]
SECRET = "not-for-a-container-8844"
UNTIL = 120.0
# A program of the root file system that a rule asks for. It says what it could do.
EVIL = """#!/bin/sh
echo '??5??????   /ran'
touch /etc/evil 2>/dev/null && echo '??5??????   /wrote'
echo x 2>/dev/null >/etc/passwd && echo '??5??????   /wrote-accounts'
kill -0 HOST 2>/dev/null && echo '??5??????   /sees-the-host'
mknod /tmp/disk b 8 0 2>/dev/null && echo '??5??????   /made-a-device'
chroot / /bin/true 2>/dev/null && echo '??5??????   /changed-the-root'
chown 1 /etc/hostname 2>/dev/null && echo '??5??????   /took-a-file'
ls /proc/HOST 2>/dev/null && echo '??5??????   /has-proc'
head -c 1 /srv/device 2>/dev/null && echo '??5??????   /reads-a-device'
test -e SECRET && echo '??5??????   /sees-the-files-of-the-host'
exit 0
"""


@pytest.fixture(scope="module")
def installed() -> Iterator[Ground]:
    with ground(f"wgfar{os.getpid()}") as made:
        made.start()
        yield made


def audited(command: list[str]) -> dict[str, dict[str, Any]]:
    """Findings by rule."""
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=UNTIL)
    assert result.returncode == 0, result.stderr
    return {each["rule"]: each for each in json.loads(result.stdout)["findings"]}


def test_a_container_says_what_its_own_audit_says(installed: Ground) -> None:
    inside = installed.machine.run("wolfguard", "audit", "run", "--fail-on", "never", "--json")
    assert inside.returncode == 0, inside.stderr
    own = {each["rule"]: each for each in json.loads(inside.stdout)["findings"]}
    words = ["--host", f"nspawn://{installed.machine.name}", "--prefix", sys.prefix]
    words += ["--listener", f"{Topology.GATEWAY_V4}:443"]
    far = audited(installed.topology.client.inside([*COMMAND, *words]))
    assert set(far) == set(own)
    different = {
        rule: (each["state"], own[rule]["state"], each["reason"])
        for rule, each in far.items()
        if each["state"] != own[rule]["state"] and rule != "confinement/no-strangers"
    }
    assert different == {}
    live = {rule for rule, each in far.items() if each["look"]["probe"] in ("gateway", "confinement", "service")}
    assert len(live) > 20
    assert "pass" in {far[rule]["state"] for rule in live}


def test_nobody_can_say_where_its_listener_is(installed: Ground) -> None:
    found = audited([*COMMAND, "--host", f"nspawn://{installed.machine.name}", "--prefix", sys.prefix])
    swept = [each for each in found.values() if each["look"]["probe"] == "handshake"]
    assert {each["state"] for each in swept} == {"error"}
    assert all("name it with --listener" in each["reason"] for each in swept)


def test_a_container_that_ends_meanwhile(tmp_path: Path) -> None:
    topology = Topology.named(f"wgend{os.getpid()}")
    topology.delete()
    topology.add()
    try:
        with machine(f"wgend{os.getpid()}", topology.gateway, tmp_path) as booted:
            # it stands still before it ends, so that it ends while it is asked
            words = [*COMMAND, "--host", f"nspawn://{booted.name}", "--output", str(tmp_path / "kept")]
            with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
                end = time.monotonic() + UNTIL
                while not (other := _entered(booted.leader)):
                    assert process.poll() is None
                    assert time.monotonic() < end
                    time.sleep(0.002)
                os.kill(other, signal.SIGSTOP)
                os.kill(booted.leader, signal.SIGKILL)
                out, errors = process.communicate(timeout=UNTIL)
    finally:
        topology.delete()
    assert process.returncode == 0, errors
    result = json.loads(out)
    lost = [
        each for each in result["findings"] if re.search(f"{booted.name} (has gone|is gone|cannot)", each["reason"])
    ]
    assert len(lost) > 50
    assert {each["state"] for each in lost} == {"error"}
    assert len(result["findings"]) == len(read_audit_profile("default").rules)
    assert json.loads((tmp_path / "kept" / "result.json").read_bytes()) == result


def _entered(leader: int) -> int:
    """A process of ours in the container's namespace of processes, by its number here; 0 while there is none."""
    theirs = os.readlink(f"/proc/{leader}/ns/pid")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            if b"wolfguard.audit.far.entering" in words and os.readlink(folder / "ns" / "pid") == theirs:
                return int(folder.name)
        except OSError:
            continue
    return 0


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A Debian's files that can be written to, and that are gone afterwards."""
    work = tmp_path / "work"
    work.mkdir()
    lower = roots.make(RELEASES[release()])
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", work], check=True)
    try:
        for name in ("upper", "scratch", "whole"):
            (work / name).mkdir()
        options = f"lowerdir={lower},upperdir={work}/upper,workdir={work}/scratch"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", work / "whole"], check=True)
        try:
            yield work / "whole"
        finally:
            subprocess.run(["umount", work / "whole"], check=True)
    finally:
        subprocess.run(["umount", work], check=True)


def test_a_root_file_system_is_judged_by_what_is_in_it(root: Path) -> None:
    with (root / "etc" / "shadow").open("a") as file:
        file.write("intruder::19000:0:99999:7:::\n")
    with (root / "etc" / "passwd").open("a") as file:
        file.write("intruder:x:0:0::/root:/bin/sh\n")
    found = audited([*COMMAND, "--host", f"gw1=chroot://{root}"])
    for rule in ("auth/no-empty-passwords", "auth/root-alone-is-root"):
        assert found[rule]["state"] == "fail"
        assert found[rule]["observed"] == ["intruder"]
    assert found["build/system-files-as-packaged"]["state"] in ("pass", "fail")
    for rule, each in found.items():
        if each["look"]["probe"] in ("kernel-parameter", "sockets", "firewall", "service", "gateway", "clock"):
            assert each["state"] == "error", rule


def test_a_hostile_root_file_system_gets_nothing_and_holds_nobody_up(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"PermitRootLogin {SECRET}\n")
    (root / "etc" / "shadow").unlink()
    os.mkfifo(root / "etc" / "shadow")
    (root / "etc" / "audit").mkdir()
    os.mknod(root / "etc" / "audit" / "auditd.conf", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    with (root / "etc" / "sysctl.d" / "huge.conf").open("wb") as file:
        file.truncate(10 * 1024**3)
    pam = root / "etc" / "pam.d" / "common-auth"
    pam.unlink()
    pam.symlink_to("common-auth")
    journal = root / "etc" / "systemd" / "journald.conf"
    journal.unlink(missing_ok=True)
    journal.symlink_to(secret)
    (root / "usr" / "bin" / "dpkg").unlink()
    script = EVIL.replace("HOST", str(os.getpid())).replace("SECRET", str(secret))
    (root / "usr" / "bin" / "dpkg").write_text(script)
    (root / "usr" / "bin" / "dpkg").chmod(0o755)
    (root / "usr" / "bin" / "dpkg-query").unlink()
    (root / "usr" / "bin" / "dpkg-query").write_text("#!/bin/sh\necho installed\n")
    (root / "usr" / "bin" / "dpkg-query").chmod(0o755)
    os.mknod(root / "srv" / "device", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    before = set((root.parent / "upper").rglob("*"))
    begun = time.monotonic()
    found = audited([*COMMAND, "--host", f"gw1=chroot://{root}"])
    assert time.monotonic() - begun < UNTIL / 2
    assert set(found["build/system-files-as-packaged"]["observed"]) == {"/ran"}
    assert set((root.parent / "upper").rglob("*")) == before
    assert SECRET not in json.dumps(found)
    by_shadow = [each for each in found.values() if "/etc/shadow is a fifo" in each["reason"]]
    assert len(by_shadow) >= 5
    assert {each["state"] for each in by_shadow} == {"error"}
    for what in ("auditd.conf is a device", "common-auth cannot be looked at (Too many levels of symbolic links)"):
        named = [each for each in found.values() if what in each["reason"]]
        assert named, what
        assert {each["state"] for each in named} == {"error"}
    assert threading.active_count() < 50


@pytest.mark.parametrize("path", ["/nonexistent/root", "/etc/passwd"])
def test_a_root_that_there_is_not(path: str) -> None:
    found = audited([*COMMAND, "--host", f"gw1=chroot://{path}"])
    assert {each["state"] for each in found.values()} <= {"error", "manual"}
    assert "cannot be entered" in json.dumps(found)
