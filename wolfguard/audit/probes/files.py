# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and folders by their facts: kind, permissions, owner, target of a link."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from wolfguard.audit.observation import Observation
from wolfguard.audit.place import FileFacts, Kind, Missing, Place
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value

NAMED_MAXIMUM: Final = 20
KEY_BYTES: Final = 64 * 1024
_STICKY: Final = 0o1000


def file(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Absent where there is nothing of the name."""
    path = arguments["path"]
    try:
        facts = vantage.place.facts(path)
    except Missing:
        return Observation(None, path)
    loose = [str(above) for above in PurePosixPath(path).parents if is_loose(vantage.place.facts(str(above)))]
    seen: dict[str, Value] = {
        "type": facts.kind.value,
        "mode": f"{facts.mode:04o}",
        "owner": facts.owner,
        "group": facts.group,
        "loose_parents": tuple(loose),
    }
    if facts.kind is Kind.LINK:
        seen["target"] = facts.target
    return Observation(seen, path)


def tree(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Absent where there is no such folder. Links are judged by nothing but their owner."""
    top = arguments["path"]
    found: dict[str, list[str]] = {"writable": [], "foreign": [], "readable": [], "keys_readable": []}
    try:
        vantage.place.facts(top)
    except Missing:
        return Observation(None, top)
    for path, facts in vantage.place.walk(top):
        if facts.owner != "root":
            found["foreign"].append(path)
        if facts.kind is Kind.LINK:
            continue
        if is_loose(facts):
            found["writable"].append(path)
        if facts.mode & 0o004:
            found["readable"].append(path)
        if facts.mode & 0o066 and facts.kind is Kind.FILE and _holds_key(vantage.place, path, facts):
            found["keys_readable"].append(path)
    return Observation({name: some(paths) for name, paths in found.items()}, top)


def is_loose(facts: FileFacts) -> bool:
    """Whether others than the owner may write, or the owner is not root: what somebody else could exchange. A folder
    with the sticky bit protects what is in it from others."""
    if facts.kind is Kind.FOLDER and facts.mode & _STICKY:
        return facts.owner != "root"
    return bool(facts.mode & 0o002) or bool(facts.mode & 0o020 and facts.group != "root") or facts.owner != "root"


def some(names: list[str], most: int = NAMED_MAXIMUM) -> tuple[str, ...]:
    """At most so many of them, and how many more there are."""
    more = len(names) - most
    return (*names[:most], *([f"and {more} more"] if more > 0 else ()))


def _holds_key(place: Place, path: str, facts: FileFacts) -> bool:
    """By its first words, as PEM has them; what it holds goes nowhere."""
    try:
        return facts.size <= KEY_BYTES and b"PRIVATE KEY-----" in place.read(path, KEY_BYTES)
    except Missing:
        return False
