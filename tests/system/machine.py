# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with systemd as its first process: systemd-nspawn over a cached Debian root, in a network namespace.

Owns the life of the container: its root is an overlay in memory over the cached one, so that everything it writes goes
with it; its cgroup is its own. Needs root and cgroup v2 in the kernel, wherever the host has it mounted. Must not know
what runs inside.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.interop import roots
from wolfguard.linux.namespace import Namespace

PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3", "libnftables1", "nftables", "iproute2", "procps")
# The interpreter of the installed package is the host's, so the machine is of the host's release.
RELEASES = {name: roots.Root(f"machine-{name}", name, PACKAGES) for name in ("bookworm", "trixie")}
# What README asks of a container: Landlock, locked memory, network parameters, /dev/net/tun, a look at the clock.
OPTIONS = (
    "--capability=CAP_NET_ADMIN", "--bind=/dev/net/tun",
    "--system-call-filter=@memlock adjtimex clock_adjtime "
    "landlock_create_ruleset landlock_add_rule landlock_restrict_self",
)  # fmt: skip
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
BOOT_SECONDS = 60.0
# A private view of the mounts: cgroup v2 alone, an overlay in memory; both vanish with the last process.
BOOT = """
set -e
name=$1 work=$2 lower=$3 files=$4; shift 4
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mkdir /sys/fs/cgroup/$name
echo $$ >/sys/fs/cgroup/$name/cgroup.procs
mount -t tmpfs tmpfs $work
mkdir $work/upper $work/scratch $work/whole
mount -t overlay -o lowerdir=$lower,upperdir=$work/upper,workdir=$work/scratch overlay $work/whole
cp -a $files/. $work/whole/
: >$work/whole/etc/machine-id
exec systemd-nspawn -q --register=no --keep-unit --console=pipe --boot -D $work/whole -M $name "$@"
"""
SWEEP = "mount -t cgroup2 none /mnt && find /mnt/$0 -depth -type d -exec rmdir {} +"


def release() -> str:
    """Of this host, or bookworm where it is no Debian that the tests have a root for."""
    lines = Path("/etc/os-release").read_text().splitlines()
    name = dict(line.split("=", 1) for line in lines if "=" in line).get("VERSION_CODENAME", "")
    return name if name in RELEASES else "bookworm"


@dataclass
class Machine:
    """A running container; `leader` is its first process as the host sees it."""

    name: str
    leader: int

    def inside(self, command: Sequence[str], pid: int | None = None) -> list[str]:
        """The command line that runs `command` in the machine, or in the view of its process `pid`."""
        own = ["nsenter", f"--target={pid or self.leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        environment = [f"PATH=/usr/local/bin:{ENVIRONMENT['PATH']}", "LANG=C.UTF-8", "HOME=/root"]
        return [*own, "--", "env", "-i", *environment, *command]

    def run(self, *command: str, stdin: str = "", pid: int | None = None) -> subprocess.CompletedProcess[str]:
        words = self.inside(command, pid)
        return subprocess.run(words, input=stdin, check=False, capture_output=True, text=True, timeout=120)

    def read(self, *command: str) -> str:
        """What a command prints that must succeed."""
        result = self.run(*command)
        assert result.returncode == 0, f"{' '.join(command)}: {result.stderr or result.stdout}"
        return result.stdout.strip()

    def host_pid(self, pid: int) -> int:
        """The host's number of a process of the machine."""
        for entry in Path("/proc").glob("[0-9]*"):
            numbers = _numbers(int(entry.name))
            if numbers[-1:] == [pid] and _namespace(numbers[0]) == _namespace(self.leader):
                return numbers[0]
        raise AssertionError(f"{self.name} has no process {pid}")


@contextmanager
def machine(name: str, network: Namespace, folder: Path, *options: str) -> Iterator[Machine]:
    """Boots; `folder`/files is laid over the root before that. Everything ends with the block."""
    lower = roots.make(RELEASES[release()])
    work, files, log = folder / "machine", folder / "files", folder / "machine.log"
    for each in (work, files):
        each.mkdir(exist_ok=True)
    arguments = [name, str(work), str(lower), str(files), f"--network-namespace-path=/run/netns/{network.name}"]
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", BOOT, "boot", *arguments, *OPTIONS, *options]
    with log.open("wb") as stream:
        nspawn = subprocess.Popen(words, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
    leader = 0
    try:
        leader = _leader(nspawn, log)
        booted = Machine(name, leader)
        _until_booted(booted, log)
        yield booted
    finally:
        # The leader first: without nspawn the container would live on.
        if leader:
            with suppress(ProcessLookupError):  # a test may have been there before
                os.kill(leader, signal.SIGKILL)
        else:
            nspawn.kill()
        nspawn.wait()
        subprocess.run(["unshare", "--mount", "sh", "-c", SWEEP, name], check=False, capture_output=True)


def _numbers(pid: int) -> list[int]:
    """Of a process, in each PID namespace from the host's inwards; none when it has gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [int(word) for line in lines if line.startswith("NSpid:") for word in line.split()[1:]]


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _leader(nspawn: subprocess.Popen[bytes], log: Path) -> int:
    end = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < end and nspawn.poll() is None:
        children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text().split()
        for child in map(int, children):
            if _numbers(child)[-1:] == [1]:
                return child
        time.sleep(0.05)
    raise AssertionError(f"no container: {log.read_text(errors='replace')[-2000:]}")


def _until_booted(booted: Machine, log: Path) -> None:
    end = time.monotonic() + BOOT_SECONDS
    state = ""
    while time.monotonic() < end:
        state = booted.run("systemctl", "is-system-running").stdout.strip()
        if state in ("running", "degraded"):
            return
        time.sleep(0.1)
    raise AssertionError(f"not booted ({state}): {log.read_text(errors='replace')[-2000:]}")
