# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines `wolfguard audit run` looks at: options and the site's list become subjects.

Owns names: each machine has one that no other has, for reports, waivers and folders. It is the site's, never what the
machine calls itself: one that lies about its name would be judged by another one's waivers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from wolfguard.audit.vantage import Listener
from wolfguard.audit.waivers import Spoken
from wolfguard.cli import audit_subject, reach
from wolfguard.cli.audit_subject import Subject, named_listener
from wolfguard.cli.reach import Ways
from wolfguard.errors import ConfigurationError
from wolfguard.policy import document as documents

_NAMED: Final = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]{0,252})=(?P<url>[a-z]+://.*)")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,252}")
_PATH: Final = re.compile(r"/[A-Za-z0-9@_./:+=,-]{1,254}")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What counts where an entry does not say otherwise. `socket` and `prefix` are paths on the machine itself."""

    ways: Ways
    socket: Path
    prefix: str
    listener: Listener | None
    server_name: str


def from_options(urls: Sequence[str]) -> list[Mapping[str, Any]]:
    """Entries as a list has them. Each is URL, or NAME=URL."""
    found = ((_NAMED.fullmatch(url), url) for url in urls)
    return [{"host": named["url"], "name": named["name"]} if named else {"host": url} for named, url in found]


def from_file(file: Path) -> list[Mapping[str, Any]]:
    """Raises ConfigurationError."""
    title = f"hosts {file}"
    if not file.is_file():
        raise ConfigurationError(f"{title}: there is no such regular file")
    return list(documents.check(documents.read(file, title), documents.schema("hosts"), title)["hosts"])


def subjects(entries: Sequence[Mapping[str, Any]], defaults: Defaults) -> list[Subject]:
    """In their order. Raises ConfigurationError."""
    found = list(_subjects(entries, defaults))
    names = [each.name for each in found]
    if doubled := next((name for name in names if names.count(name) > 1), ""):
        raise ConfigurationError(f"two machines are called {doubled}; give one of them a name of its own (NAME=URL)")
    return found


def of_host(spoken: Sequence[Spoken], name: str) -> tuple[Spoken, ...]:
    """What persons say of this machine and of all."""
    return tuple(each for each in spoken if each.host in ("", name))


def unheard(spoken: Sequence[Spoken], names: Sequence[str]) -> tuple[str, ...]:
    """A sentence for each entry that is for none of them."""
    return tuple(
        f"the {each.kind.name.lower()} of {each.rule} is for {each.host}, which is not looked at"
        for each in spoken
        if each.host and each.host not in names
    )


def _subjects(entries: Sequence[Mapping[str, Any]], defaults: Defaults) -> Iterator[Subject]:
    for entry in entries:
        target = reach.parse(str(entry["host"]))
        name = str(entry.get("name") or target.name)
        if target.scheme != reach.LOCAL and not _NAME.fullmatch(name):
            raise ConfigurationError(f"{entry['host']} needs a name of letters and digits: NAME={entry['host']}")
        server_name = str(entry.get("server_name", defaults.server_name))
        listener = named_listener(entry["listener"], server_name) if "listener" in entry else defaults.listener
        socket, prefix = Path(entry.get("socket", defaults.socket)), str(entry.get("prefix", defaults.prefix))
        if target.scheme == reach.LOCAL:
            yield audit_subject.here(socket, listener, server_name)
            continue
        for path in (str(socket), prefix):
            if not _PATH.fullmatch(path):
                raise ConfigurationError(f"{path!r} is no path that another machine is asked for")
        ways = replace(defaults.ways, sudo=bool(entry.get("sudo", defaults.ways.sudo)))
        yield audit_subject.there(target, ways, name, socket, prefix, listener, server_name)
