# SPDX-License-Identifier: GPL-3.0-or-later
"""How `wolfguard audit` gets to a machine that is named by a URL: the command whose pipes lead there.

    ssh://[USER@]HOST[:PORT]   docker://NAME   podman://NAME   nspawn://NAME   chroot:///PATH   local://

Owns the forms of these names and what ssh is told. The first three are led there by testinfra's backends, which only
this command imports and only for them; into containers of systemd-nspawn and root file systems leads
`audit.far.entering`, since testinfra knows none of the former and would run the shell of the latter with all rights.
Every argument is quoted, and none can be taken for an option.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wolfguard.audit.far.channel import STARTER, modules
from wolfguard.errors import ConfigurationError
from wolfguard.linux import nspawn

LOCAL: Final = "local"
SSH, DOCKER, PODMAN, NSPAWN, CHROOT = "ssh", "docker", "podman", "nspawn", "chroot"
HOST_KEYS: Final = {"strict": "yes", "accept-new": "accept-new"}
CONNECT_SECONDS: Final = 10
PYTHON: Final = ("env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin", "python3", "-I", "-c", STARTER)
_FORM: Final = re.compile(r"(?P<scheme>[a-z]+)://(?P<rest>[^?#]*)")
_USER: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}"
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}"
_SSH: Final = re.compile(
    rf"(?:(?P<user>{_USER})@)?(?P<host>{_NAME}|\[[0-9A-Fa-f:.]{{2,45}}(?:%[A-Za-z0-9._-]{{1,16}})?\])(?::(?P<port>\d{{1,5}}))?"
)
_SSH_SECONDS: Final = 10.0
_INSTALL: Final = "install it beside wolfguard: pip install 'wolfguard-gateway[remote]'"


@dataclass(frozen=True, slots=True)
class Target:
    """A machine by its name. `rest` is what stands behind the scheme; `name` is what reports call it."""

    scheme: str
    rest: str
    name: str


@dataclass(frozen=True, slots=True)
class Ways:
    """What a site says of the way. `sudo`: through sudo, without a password. `host_keys` is one of HOST_KEYS."""

    sudo: bool = False
    ssh_config: str = ""
    ssh_identity: str = ""
    host_keys: str = "strict"


def parse(url: str) -> Target:
    """Raises ConfigurationError."""
    found = _FORM.fullmatch(url)
    scheme, rest = (found["scheme"], found["rest"]) if found else ("", "")
    if scheme == LOCAL and not rest:
        return Target(LOCAL, "", "")
    if scheme == SSH and (parts := _SSH.fullmatch(rest)) and (not parts["port"] or 0 < int(parts["port"]) < 65536):
        return Target(SSH, rest, parts["host"].strip("[]"))
    if scheme in (DOCKER, PODMAN, NSPAWN) and re.fullmatch(_NAME, rest):
        return Target(scheme, rest, rest)
    if scheme == CHROOT and rest.startswith("/") and "\0" not in rest and "//" not in rest:
        return Target(CHROOT, rest, Path(rest).name or rest)
    forms = "ssh://[USER@]HOST[:PORT], docker://NAME, podman://NAME, nspawn://NAME, chroot:///PATH, local://"
    raise ConfigurationError(f"{url!r} names no machine; the forms are {forms}")


def command(target: Target, ways: Ways) -> Callable[[], list[str]]:
    """What leads to STARTER's Python there, when it is wanted: a container that does not run raises LocalError then.
    Raises ConfigurationError where no way there is known."""
    if target.scheme == NSPAWN:
        return lambda: _entering("process", str(nspawn.leader(target.rest)))
    if target.scheme == CHROOT:
        found = _entering("root", target.rest)
    else:
        found = ["/bin/sh", "-c", f"exec {_line(target, ways)}"]
    return lambda: found


def first(target: Target) -> bytes:
    """What is sent there before any question."""
    return b"" if target.scheme in (NSPAWN, CHROOT) else modules()


def address(target: Target, ways: Ways) -> str:
    """Where listeners on every address of that machine are reached from here; empty where nobody can say."""
    if target.scheme == LOCAL:
        return "127.0.0.1"
    if target.scheme == SSH:
        return _ssh_address(target, ways)
    if target.scheme == NSPAWN:
        theirs, ours = (Path(f"/proc/{each}/ns/net").stat() for each in (nspawn.leader(target.rest), "self"))
        return "127.0.0.1" if theirs.st_ino == ours.st_ino else ""
    return ""


def _entering(*words: str) -> list[str]:
    return [sys.executable, "-I", "-m", "wolfguard.audit.far.entering", *words]


def _line(target: Target, ways: Ways) -> str:
    """As testinfra's backend would run it. Raises ConfigurationError without testinfra."""
    try:
        from testinfra.backend import get_backend_class  # type: ignore[import-untyped]
    except ImportError:
        raise ConfigurationError(f"{target.scheme}:// needs pytest-testinfra, which is not there; {_INSTALL}") from None
    kind: Any = get_backend_class(target.scheme)

    class Recording(kind):  # type: ignore[misc]
        """Says what it would run, instead of running it without a bound."""

        line = ""

        def run_local(self, command: str, *arguments: str) -> Any:
            self.line = self.quote(command, *arguments)
            return self.result(0, b"", b"", b"")

    options: dict[str, Any] = {}
    if target.scheme == SSH:
        options = {
            "ssh_config": ways.ssh_config or None,
            "ssh_identity_file": ways.ssh_identity or None,
            "timeout": CONNECT_SECONDS,
            "controlpersist": 0,
            "ssh_extra_args": " ".join(f"-o {each}" for each in _ssh_options(ways)),
        }
    backend = Recording(target.rest, **options)
    words = ("sudo", "-n", "--", *PYTHON) if ways.sudo else PYTHON
    backend.run(" ".join(["exec", *["%s"] * len(words)]), *words)
    line = str(backend.line)
    if target.scheme == SSH:
        return line
    # it gives the other side no input, and ours is all that is asked
    before, found, after = line.partition(f"{target.scheme} exec ")
    if before or not found:
        raise ConfigurationError(
            f"this release of pytest-testinfra reaches {target.scheme}:// in another way than known"
        )
    return f"{found}--interactive {after}"


def _ssh_options(ways: Ways) -> tuple[str, ...]:
    """What counts whatever the site's ssh configuration says: no questions, no unknown machines, nothing forwarded, and
    an end of the waiting for one that is gone."""
    return (
        "BatchMode=yes",
        f"StrictHostKeyChecking={HOST_KEYS[ways.host_keys]}",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
        "ForwardAgent=no",
        "ForwardX11=no",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "RequestTTY=no",
        "ControlMaster=no",
        "ControlPath=none",
    )


def _ssh_address(target: Target, ways: Ways) -> str:
    """The site's ssh configuration may know it by another name."""
    parts = _SSH.fullmatch(target.rest)
    assert parts is not None  # noqa: S101 - parse has looked
    config = ["-F", ways.ssh_config] if ways.ssh_config else []
    command = ["ssh", *config, "-G", "--", parts["host"].strip("[]")]
    try:
        result = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_SSH_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return target.name
    told = dict(line.partition(" ")[::2] for line in result.stdout.splitlines())
    return told.get("hostname") or target.name
