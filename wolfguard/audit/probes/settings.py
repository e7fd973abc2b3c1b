# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of configuration files of NAME VALUE lines, with the drop-ins of systemd; the SSH server by its own word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.place import Missing, Place, Program, meant, optional_listing, texts
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value

_SYSTEMD: Final = ("/usr/lib", "/usr/local/lib", "/run", "/etc")
_LISTS: Final = ("ciphers", "macs", "kexalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms")


def setting(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """The last value of the name counts, as these programs have it. Absent where no file sets it, or there is none."""
    name = arguments["name"].lower()
    found: tuple[str, str] | None = None
    for file, content in texts(vantage.place, _files(vantage.place, arguments["file"])):
        for line in meant(content):
            key, _, value = re.sub(r"\s*=\s*|\s+", " ", line, count=1).partition(" ")
            if key.lower() == name:
                found = value.strip(" \"'").lower(), file
    if found is None:
        return Observation(None, arguments["file"])
    value, source = found
    return Observation({"value": int(value) if value.isdecimal() else value}, source)


def ssh(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Absent where there is no SSH server."""
    try:
        output = vantage.place.run(Program.SSH_SETTINGS)
    except Missing:
        return Observation(None, "sshd -T")
    if output.code != 0:
        raise Unobservable(f"sshd does not tell its settings: {output.why}")
    settings: dict[str, Value] = {}
    for line in output.text.splitlines():
        name, _, value = line.partition(" ")
        if name in _LISTS:
            settings[name] = tuple(value.split(","))
        else:
            settings.setdefault(name, int(value) if value.isdecimal() else value)
    return Observation({"settings": settings}, "sshd -T")


def _files(place: Place, file: str) -> Iterator[str]:
    """The file, then drop-ins in the order of their names; of one name the last folder's counts. Files of systemd have
    theirs in several folders, others beside them."""
    yield file
    if file.startswith("/etc/systemd/"):
        below = file.removeprefix("/etc") + ".d"
        folders = tuple(f"{root}{below}" for root in _SYSTEMD)
    else:
        folders = (f"{file}.d",)
    names: dict[str, str] = {}
    for folder in folders:
        names.update({name: f"{folder}/{name}" for name in optional_listing(place, folder) if name.endswith(".conf")})
    yield from (path for _, path in sorted(names.items()))
