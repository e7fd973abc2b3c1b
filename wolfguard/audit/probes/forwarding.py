# SPDX-License-Identifier: GPL-3.0-or-later
"""Where rsyslog sends what it hears, by its files (RainerScript): with TLS or without, and what keeps it meanwhile.

Reads actions of `omfwd` and `omrelp` with the rule set that they stand in, and lines of the old form (`*.* @@host`).
What filters around an action let pass it does not judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation
from wolfguard.audit.place import Place, optional_lines, optional_listing
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value

FILE: Final = "/etc/rsyslog.conf"
FOLDER: Final = "/etc/rsyslog.d"
_OLD: Final = re.compile(r"^[^\s#$]+\s+@@?\(?[^)\s]*\)?\s*([A-Za-z0-9_.:\[\]-]+)", re.MULTILINE)
_BLOCK: Final = re.compile(r'\b(ruleset|action)\s*\(((?:[^()"]|"[^"]*")*)\)', re.DOTALL)
_SETTING: Final = re.compile(r'([A-Za-z.]+)\s*=\s*(?:"([^"]*)"|\[)')
_SENDERS: Final = ("omfwd", "omrelp")
_RULESET: Final = "ruleset"
_EVERYTHING: Final = "rsyslog_defaultruleset"
"""rsyslog's own name of what hears all inputs that name none, the machine's programs among them."""
_TLS: Final = {("tls", "on"), ("streamdrivermode", "1")}


def targets(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """None where there is no rsyslog. Raises Unobservable where a file cannot be read."""
    found = list(_actions(_text(vantage.place)))
    seen: dict[str, Value] = {
        "plain": tuple(each["target"] for each in found if not _TLS & set(each.items())),
        "unqueued": tuple(each["target"] for each in found if not _on_disk(each)),
    }
    if found:
        seen["targets"] = tuple(each["target"] for each in found)
    if machine := tuple(each["target"] for each in found if each[_RULESET] == _EVERYTHING):
        seen["machine"] = machine
    return Observation(seen, f"{FILE} and {FOLDER}")


def _text(place: Place) -> str:
    """All of it without comments."""
    names = [FILE, *(f"{FOLDER}/{name}" for name in optional_listing(place, FOLDER) if name.endswith(".conf"))]
    return "\n".join("\n".join(optional_lines(place, name)) for name in names)


def _actions(text: str) -> Iterator[dict[str, str]]:
    """Settings of each that sends, by lower-case names; those of its rule set's queue where it has none itself."""
    around: dict[str, str] = {}
    end = -1
    for block in _BLOCK.finditer(text):
        settings = {name.lower(): value.lower() for name, value in _SETTING.findall(block[2])}
        if block[1] == "ruleset":
            around, end = settings, _closing(text, block.end())
        elif settings.get("type") in _SENDERS:
            queue = {name: value for name, value in around.items() if name.startswith("queue.")}
            inherited = {**queue, _RULESET: around.get("name", "?")} if block.start() < end else {}
            yield {"target": "?", _RULESET: _EVERYTHING, **inherited, **settings}
    for line in _OLD.finditer(text):
        yield {"target": line[1].lower(), _RULESET: _EVERYTHING}


def _closing(text: str, at: int) -> int:
    """Where the block in braces after `at` ends."""
    depth = 0
    for place in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0 and text[place] == "}":
            return place
    return len(text)


def _on_disk(settings: Mapping[str, str]) -> bool:
    """A queue in memory that is given a file name goes to disk when it is full."""
    return settings.get("queue.type") == "disk" or bool(
        settings.get("queue.filename") and settings.get("queue.type", "direct") != "direct"
    )
