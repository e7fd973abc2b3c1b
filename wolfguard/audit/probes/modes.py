# SPDX-License-Identifier: GPL-3.0-or-later
"""Many files by who may do what with them, so that one rule can speak of all that belong together.

Owns the patterns: a "*" stands for a part of one name. A link is judged by what it leads to, one step far."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from wolfguard.audit.observation import Observation
from wolfguard.audit.place import FileFacts, Kind, Missing, Place, optional_listing
from wolfguard.audit.probes.files import some
from wolfguard.audit.vantage import Vantage


def loose(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Absent where there is none of them."""
    most, groups = int(arguments["mode"], 8), {"root", *arguments.get("groups", ())}
    wrong: list[str] = []
    count = 0
    for pattern in arguments["paths"]:
        for path in _matching(vantage.place, pattern):
            facts = _facts(vantage.place, path)
            if facts is None:
                continue
            count += 1
            if facts.mode & ~most or facts.owner != "root" or facts.group not in groups:
                wrong.append(f"{path} ({facts.mode:04o} {facts.owner}:{facts.group})")
    source = ", ".join(arguments["paths"])
    return Observation({"loose": some(wrong), "count": count} if count else None, source)


def _matching(place: Place, pattern: str) -> Iterator[str]:
    """Every path of this form; without a "*" the one that it names."""
    before, star, _ = pattern.partition("*")
    if not star:
        yield pattern
        return
    folder = before.rpartition("/")[0]
    form, _, rest = pattern[len(folder) + 1 :].partition("/")
    for name in optional_listing(place, folder or "/"):
        if fnmatchcase(name, form):
            path = f"{folder}/{name}"
            yield from _matching(place, f"{path}/{rest}") if rest else (path,)


def _facts(place: Place, path: str) -> FileFacts | None:
    """None where there is nothing of the name."""
    try:
        facts = place.facts(path)
        if facts.kind is Kind.LINK:
            facts = place.facts(posixpath.normpath(posixpath.join(posixpath.dirname(path), facts.target)))
    except Missing:
        return None
    return facts
