# SPDX-License-Identifier: GPL-3.0-or-later
"""What sudo's files say for everybody (sudoers(5)): a few settings, and lines that let somebody through unasked.

Who may run what is not this probe's, and no line leaves it: only where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation
from wolfguard.audit.place import Missing, Place, optional_listing, text
from wolfguard.audit.probes.files import some
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value

_FILE, _FOLDER = "/etc/sudoers", "/etc/sudoers.d"
_MINUTES: Final = 15
_SETTING: Final = re.compile(r'(?P<off>!?)\s*(?P<name>[a-z_]+)\s*(?:=\s*"?(?P<value>[^",]*)"?)?')
_KNOWN: Final = ("use_pty", "logfile", "timestamp_timeout", "authenticate", "env_reset")


def files(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Absent where there is no sudo to ask. Of several values the last one counts."""
    settings: dict[str, Value] = {"use_pty": False, "timestamp_timeout": _MINUTES, "authenticate": True}
    unasked: list[str] = []
    try:
        rows = list(_rows(vantage.place))
    except Missing:
        return Observation(None, _FILE)
    for where, line in rows:
        first, _, rest = line.partition(" ")
        if first == "Defaults":
            settings.update(_settings(rest))
        elif re.search(r"\bNOPASSWD\s*:", line) or (first.startswith("Defaults") and "!authenticate" in line):
            unasked.append(where)
    return Observation({"settings": settings, "unasked": some(unasked)}, f"{_FILE}, {_FOLDER}")


def _rows(place: Place) -> Iterator[tuple[str, str]]:
    """File with the number of the line, and the line, continued ones as one. Raises Missing, Unobservable."""
    names = [name for name in optional_listing(place, _FOLDER) if "." not in name and not name.endswith("~")]
    for path in (_FILE, *(f"{_FOLDER}/{name}" for name in names)):
        held, begun = "", 0
        for number, line in enumerate(text(place, path).splitlines(), 1):
            begun = begun or number
            if line.endswith("\\"):
                held += line[:-1]
                continue
            whole = re.sub(r"\s+", " ", re.sub(r"(?<![\\\"])#(?!\d).*", "", held + line)).strip()
            if whole:
                yield f"{path}: line {begun}", whole
            held, begun = "", 0


def _settings(text: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for part in text.split(","):
        each = _SETTING.match(part.strip())
        if each is None or each["name"] not in _KNOWN:
            continue
        value = (each["value"] or "").strip()
        if each["off"]:
            found[each["name"]] = False
        else:
            found[each["name"]] = int(value) if re.fullmatch(r"-?\d{1,6}", value) else value or True
    return found
