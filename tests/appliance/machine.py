# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh Debian machine for molecule: systemd in systemd-nspawn, without a network, that outlives the command.

    python -m tests.appliance.machine up NAME RELEASE [bare]
    python -m tests.appliance.machine down NAME

Owns its life and the folder of what is known about it (`STATE/NAME`): `leader`, its first process as this host sees it.
Its root is an overlay over a cached one; packages, wheels and wolfSSL's source are mounted read-only from the cache,
unless it is bare: then it has nothing but itself.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.appliance import store
from tests.interop import roots
from tests.system.machine import ENVIRONMENT, OPTIONS, Machine

STATE = store.CACHE / "machines"
BOOT_SECONDS = 120.0
LAST_ACCOUNT = 499
PLACES = {"packages": "/srv/packages", "wheels": "/srv/wheels"}
# A private view of the mounts with cgroup v2 alone, in a cgroup of its own, as tests/system/machine.py has it; the
# overlay is on disk, since a build of the library and its packages would fill the memory.
BOOT = """
set -e
name=$1 work=$2 lower=$3; shift 3
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/$name
echo $$ >/sys/fs/cgroup/$name/cgroup.procs
mount -t overlay -o lowerdir=$lower,upperdir=$work/upper,workdir=$work/scratch overlay $work/whole
exec systemd-nspawn -q --register=no --keep-unit --console=pipe --boot -D $work/whole -M $name "$@"
"""
SWEEP = "mount -t cgroup2 none /mnt && find /mnt/$0 -depth -type d -exec rmdir {} +"


def up(name: str, release: str, bare: bool = False) -> Machine:
    """Boots a machine that is not there yet. Raises RuntimeError with the end of its log."""
    work = STATE / name
    if work.exists():
        raise RuntimeError(f"{name} is there already: take it down first")
    lower = roots.make(store.RELEASES[release])
    mounts = {} if bare else _mirrors(release)
    for folder in ("upper", "scratch", "whole"):
        (work / folder).mkdir(parents=True)
    _supply(work / "upper", name, bare)
    binds = [f"--bind-ro={host}:{inside}" for inside, host in mounts.items()]
    own = [f"--hostname={name}", "--private-network", *OPTIONS]
    arguments = [_label(name), str(work), str(lower), *own, *binds]
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", BOOT, "boot", *arguments]
    log = work / "log"
    with log.open("wb") as stream:
        nspawn = subprocess.Popen(
            words, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
    end = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < end and nspawn.poll() is None:
        children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text().split()
        if children:
            machine = Machine(name, int(children[0]))
            if machine.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"):
                (work / "leader").write_text(children[0])
                # A user's limit of processes counts over all containers: these accounts get numbers that no other has.
                machine.read("sed", "--in-place", f"s/^#*SYS_UID_MAX.*/SYS_UID_MAX {LAST_ACCOUNT}/", "/etc/login.defs")
                return machine
        time.sleep(0.1)
    nspawn.kill()
    raise RuntimeError(f"{name} has not booted: {log.read_text(errors='replace')[-2000:]}")


def _mirrors(release: str) -> dict[str, Path]:
    """What is mounted where."""
    return {
        PLACES["packages"]: store.archive(release),
        PLACES["wheels"]: store.wheels(release),
        "/var/cache/wolfguard-gateway/source": store.source(),
    }


def _label(name: str) -> str:
    """What nspawn and its cgroup know the machine by: another cache may have one of the same name."""
    return f"{name}-{hashlib.sha256(str(STATE).encode()).hexdigest()[:6]}"


def _supply(upper: Path, name: str, bare: bool) -> None:
    """Where a machine of a site would name its mirrors; a bare one names those that a fresh Debian names."""
    apt = upper / "etc" / "apt"
    apt.mkdir(parents=True)
    if bare:
        (apt / "sources.list").write_text("deb http://deb.debian.org/debian stable main\n")
    else:
        (apt / "sources.list").write_text(f"deb [trusted=yes] file:{PLACES['packages']} ./\n")
        (upper / "etc" / "pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {PLACES['wheels']}\n")
    (upper / "etc" / "hostname").write_text(f"{name}\n")
    (upper / "etc" / "machine-id").touch()
    # nothing resolves, and nothing waits for an answer
    (upper / "etc" / "resolv.conf").touch()
    lists = upper / "var" / "lib" / "apt" / "lists"
    lists.mkdir(parents=True)
    for file in upper.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    upper.chmod(0o755)
    # as on a machine that has never asked its mirrors: by this time Ansible decides whether to ask them
    os.utime(lists, (0, 0))


def leader(name: str) -> int:
    return int((STATE / name / "leader").read_text())


def down(name: str) -> None:
    """Ends the machine and forgets it; one that is not there is no error."""
    work = STATE / name
    if (work / "leader").exists():
        pid = leader(name)
        # only what is still this machine's first process: the number may be somebody else's by now
        if f"upperdir={work}/upper," in _mounts(pid):
            os.kill(pid, signal.SIGKILL)
            while Path(f"/proc/{pid}").exists():
                time.sleep(0.1)
    subprocess.run(["unshare", "--mount", "sh", "-c", SWEEP, _label(name)], check=False, capture_output=True)
    subprocess.run(["rm", "-rf", "--one-file-system", str(work)], check=True)


def _mounts(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/mountinfo").read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["up", name, release]:
            print(up(name, release).leader)
        case ["up", name, release, "bare"]:
            print(up(name, release, bare=True).leader)
        case ["down", name]:
            down(name)
        case _:
            sys.exit(str(__doc__))
