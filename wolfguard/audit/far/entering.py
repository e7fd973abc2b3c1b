# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m wolfguard.audit.far.entering root PATH | process NUMBER`: a `serving` end in a root file system or in a
container of this machine, for root.

It is this Python that looks there, with everything loaded before it goes in, so that no program of the other side is
needed and none runs but the few that a rule asks. What those can do is bounded first: in a container by the
capabilities of its own first process, in a root file system by namespaces of their own, a view that is read-only, and
the one capability to read. Nothing of this machine stays open. That nobody in a container reaches back through our own
process (/proc/PID/exe) is as sure as the container is: one with CAP_SYS_PTRACE and without users of its own is no
boundary. See setns(2), unshare(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import sys
from pathlib import Path
from typing import Final

from wolfguard.audit.far import serving
from wolfguard.linux import capabilities

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE: Final = {
    "user": 0x10000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
    "net": 0x40000000,
    "pid": 0x20000000,
    "cgroup": 0x02000000,
    "mnt": 0x00020000,
}
"""In the order in which they are entered (namespaces(7)): the first one gives the right to the others."""
_OWN: Final = ("ipc", "uts", "net", "pid", "mnt")
_CAP_DAC_READ_SEARCH: Final = 2
_MS_RDONLY: Final = 0x1
_MS_NOSUID: Final = 0x2
_MS_NODEV: Final = 0x4
_MS_REMOUNT: Final = 0x20
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_PRIVATE: Final = 0x40000
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4


def main(words: list[str]) -> int:
    """Serves in there until its input ends; else 1, and why on standard error."""
    try:
        match words:
            case ["root", path]:
                kept = _into_root(path)
            case ["process", number]:
                kept = _into_process(int(number))
            case _:
                raise ValueError("it takes root PATH, or process NUMBER")
    except (OSError, ValueError) as error:
        print(f"{' '.join(words)} cannot be entered ({getattr(error, 'strerror', None) or error})", file=sys.stderr)
        return 1
    return _serve(kept)


def _into_root(path: str) -> set[int]:
    """The capabilities that are left afterwards."""
    root = os.fsencode(path)
    _must(_LIBC.unshare(sum(_CLONE[name] for name in _OWN)))
    _must(_LIBC.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None))
    folder = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    here = f"/proc/self/fd/{folder}".encode()
    _must(_LIBC.mount(here, here, None, _MS_BIND | _MS_REC, None))
    os.close(folder)
    # the mount covers the folder, so it is opened once more
    folder = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    here = f"/proc/self/fd/{folder}".encode()
    _must(_LIBC.mount(None, here, None, _MS_BIND | _MS_REMOUNT | _MS_RDONLY | _MS_NODEV | _MS_NOSUID, None))
    _lay_devices(folder)
    _change_root(folder)
    return {_CAP_DAC_READ_SEARCH}


def _lay_devices(root: int) -> None:
    """/dev with /dev/null alone, which programs are started with; a root without such a folder gets none."""
    try:
        folder = os.open("dev", os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
    except OSError:
        return
    here = f"/proc/self/fd/{folder}".encode()
    _must(_LIBC.mount(b"tmpfs", here, b"tmpfs", _MS_NOSUID, b"size=64k,nr_inodes=8,mode=755"))
    os.close(folder)
    folder = os.open("dev", os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
    null = f"/proc/self/fd/{folder}/null"
    os.close(os.open(null, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
    _must(_LIBC.mount(b"/dev/null", null.encode(), None, _MS_BIND, None))
    os.close(folder)


def _into_process(number: int) -> set[int]:
    """The same of a process and the namespaces that it does not share with us."""
    proc = Path(f"/proc/{number}")
    found = re.search(r"^CapBnd:\s*([0-9a-f]+)$", (proc / "status").read_text("utf-8", "replace"), re.MULTILINE)
    if found is None:
        raise ValueError("the kernel does not tell its capabilities")
    bound = int(found[1], 16)
    folder = os.open(proc / "root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    foreign = [name for name in _CLONE if _identity(proc / "ns" / name) != _identity(Path("/proc/self/ns") / name)]
    spaces = [(os.open(proc / "ns" / name, os.O_RDONLY | os.O_CLOEXEC), _CLONE[name]) for name in foreign]
    for descriptor, kind in spaces:
        _must(_LIBC.setns(descriptor, kind))
        os.close(descriptor)
    _change_root(folder)
    if "user" in foreign:
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    return {each for each in range(64) if bound >> each & 1}


def _change_root(folder: int) -> None:
    os.fchdir(folder)
    os.chroot(".")
    os.chdir("/")
    os.close(folder)


def _serve(kept: set[int]) -> int:
    """In a child, since a process itself does not change its own namespace of processes (pid_namespaces(7))."""
    child = os.fork()
    if child:
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            os.close(0)
            os.close(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # from here on nothing is imported: what lies in there would be loaded
    sys.path.clear()
    sys.meta_path.clear()
    os.environ.clear()
    capabilities.keep(kept)
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    serving.serve(0, sys.stdout.buffer)
    return 1


def _identity(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_dev, found.st_ino


def _must(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
