# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ssh server in a network namespace, with keys and a configuration of its own, and what a client needs for it.

Owns its life. Beside the namespace it is this very machine: what it shows is what is to be seen without it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wolfguard.linux.namespace import Namespace

SSHD = "/usr/sbin/sshd"
START_SECONDS = 30.0


@dataclass(frozen=True)
class Server:
    """`config` is for `ssh -F`: it knows the server as `name`, its host key and the user's key."""

    name: str
    folder: Path
    pid: int

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def kill(self) -> None:
        """The server with everybody who is logged in over it, as when the machine loses its power."""
        for number in [*_below(self.pid), self.pid]:
            with_pid(number, signal.SIGKILL)

    def reload(self) -> None:
        """Reads its configuration again, which has a line for its log."""
        before = _text(self.folder / "log").count("listening")
        with_pid(self.pid, signal.SIGHUP)
        end = time.monotonic() + START_SECONDS
        while _text(self.folder / "log").count("listening") == before:
            assert time.monotonic() < end
            time.sleep(0.02)

    def stop(self) -> None:
        """Everybody who is logged in stands still; the connection stays, as when a machine hangs."""
        for number in _below(self.pid):
            with_pid(number, signal.SIGSTOP)

    def logged_in(self) -> bool:
        """Whether the other end of an audit runs there now."""
        return any(b"json.loads(sys.stdin" in _command(number) for number in _below(self.pid))


@contextmanager
def server(name: str, namespace: Namespace | None, address: str, port: int, folder: Path) -> Iterator[Server]:
    """Until the end of the block. `namespace`: None for this one."""
    folder.mkdir(parents=True)
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    public = (folder / "host.pub").read_text().split()[:2]
    (folder / "known").write_text(f"[{address}]:{port} {' '.join(public)}\n")
    (folder / "config").write_text(
        f"Host {name}\n  HostName {address}\n  Port {port}\n  User root\n  IdentityFile {folder}/user\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known\n  GlobalKnownHostsFile none\n"
    )
    (folder / "sshd_config").write_text(
        f"ListenAddress {address}\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        "PasswordAuthentication no\nStrictModes no\nUsePAM no\nPidFile none\nMaxStartups 100\n"
    )
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    words: Sequence[str] = [SSHD, "-D", "-f", str(folder / "sshd_config"), "-E", str(folder / "log")]
    process = subprocess.Popen(words if namespace is None else namespace.inside(words), start_new_session=True)
    try:
        end = time.monotonic() + START_SECONDS
        while "listening" not in _text(folder / "log"):
            assert process.poll() is None, _text(folder / "log")
            assert time.monotonic() < end, _text(folder / "log")
            time.sleep(0.02)
        yield Server(name, folder, process.pid)
    finally:
        for number in [*_below(process.pid), process.pid]:
            with_pid(number, signal.SIGKILL)
        process.wait()


def with_pid(number: int, what: signal.Signals) -> None:
    """To a process that may be gone."""
    try:
        os.kill(number, what)
    except ProcessLookupError:
        return


def _below(number: int) -> list[int]:
    """All that a process has started, and that has started, the youngest first."""
    children = [int(each) for each in _text(Path(f"/proc/{number}/task/{number}/children")).split()]
    return [each for child in reversed(children) for each in [*_below(child), child]]


def _command(number: int) -> bytes:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return b""


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
