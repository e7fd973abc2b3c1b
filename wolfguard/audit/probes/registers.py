# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the machine's files of accounts fit together (passwd(5), shadow(5), group(5), shells(5)), and homes.

Owns the comparison of the files with each other; what kind of password an account has is `accounts`'. Names and numbers
alone leave it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.place import Kind, Missing, Place, optional_lines, text
from wolfguard.audit.probes.accounts import FIRST_PERSON, GROUP, OVERFLOW, PASSWD, SHADOW, Account, read_accounts
from wolfguard.audit.probes.files import some
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value

_SHELLS: Final = "/etc/shells"
_REFUSING: Final = ("nologin", "false")
_HOME: Final = 0o750
_SECONDS: Final = 86_400


def compared(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Raises Unobservable for anybody but root, who alone reads the shadow file."""
    place = vantage.place
    accounts = read_accounts(place)
    groups = _groups(place)
    numbers = {number for _, number, _ in groups}
    of_shadow = [(number, members) for name, number, members in groups if name == "shadow"]
    seen: dict[str, Value] = {
        "unshadowed": tuple(each.name for each in accounts if not each.shadowed),
        "groupless": tuple(each.name for each in accounts if each.group not in numbers),
        "shadow_members": tuple(
            sorted(
                {name for _, members in of_shadow for name in members}
                | {each.name for each in accounts if each.group in {number for number, _ in of_shadow}}
            )
        ),
        "root_group": tuple(each.name for each in accounts if each.group == 0 and each.number != 0),
        "root_groups": tuple(name for name, number, _ in groups if number == 0 and name != "root"),
        "doubled_names": _doubled(each.name for each in accounts),
        "doubled_groups": _doubled(str(number) for _, number, _ in groups),
        "doubled_group_names": _doubled(name for name, _, _ in groups),
        "unlocked_services": tuple(
            each.name for each in accounts if not each.has_shell and each.entry in ("none", "approved", "weak")
        ),
        "future_changes": tuple(_in_future(place, vantage.now)),
        "refusing_shells": tuple(
            line for line in optional_lines(place, _SHELLS) if line.rpartition("/")[2] in _REFUSING
        ),
        "homes": some(list(_homes(place, accounts))),
    }
    return Observation(seen, f"{PASSWD}, {SHADOW}, {GROUP}, {_SHELLS}")


def _groups(place: Place) -> list[tuple[str, int, tuple[str, ...]]]:
    """Name, number and members. Raises Unobservable."""
    found: list[tuple[str, int, tuple[str, ...]]] = []
    for line in text(place, GROUP).splitlines():
        fields = line.split(":")
        if len(fields) != 4 or not fields[2].isdecimal():
            raise Unobservable(f"{GROUP} has a line of another form")
        found.append((fields[0], int(fields[2]), tuple(name for name in fields[3].split(",") if name.strip())))
    return found


def _doubled(names: Iterator[str]) -> tuple[str, ...]:
    return tuple(name for name, count in sorted(Counter(names).items()) if count > 1)


def _in_future(place: Place, now: datetime) -> Iterator[str]:
    """Whose password was changed after today, so that its age says nothing."""
    today = int(now.astimezone(UTC).timestamp()) // _SECONDS
    for line in text(place, SHADOW).splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2].isdecimal() and int(fields[2]) > today:
            yield fields[0]


def _homes(place: Place, accounts: list[Account]) -> Iterator[str]:
    """Persons whose home is not there, not theirs, or open to others."""
    for each in accounts:
        if not each.has_shell or each.number < FIRST_PERSON or each.number == OVERFLOW:
            continue
        try:
            facts = place.facts(each.home)
        except Missing:
            yield f"{each.name}: there is none"
            continue
        if facts.kind is not Kind.FOLDER or facts.owner not in (each.name, str(each.number)):
            yield f"{each.name}: it belongs to somebody else or is no folder"
        elif facts.mode & ~_HOME & 0o777:
            yield f"{each.name}: others may look into it ({facts.mode:04o})"
