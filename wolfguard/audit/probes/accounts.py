# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of the machine (passwd(5), shadow(5), group(5)). No hash of a password leaves this module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.place import Place, text
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value
from wolfguard.sandbox.processes import PROCESSES

PASSWD, SHADOW, GROUP = "/etc/passwd", "/etc/shadow", "/etc/group"
_NO_SHELLS: Final = ("nologin", "false", "sync", "shutdown", "halt")
_APPROVED: Final = ("$5$", "$6$")
FIRST_PERSON: Final = 1000
OVERFLOW: Final = 65534


@dataclass(frozen=True, slots=True)
class Account:
    """`entry` is the kind of what stands for a password, one of none, locked, approved and weak; never what it is.
    `shadowed`: it does not stand in the file that everybody reads."""

    name: str
    number: int
    group: int
    home: str
    shell: str
    entry: str
    shadowed: bool

    @property
    def has_shell(self) -> bool:
        return self.shell.rsplit("/", 1)[-1] not in _NO_SHELLS


def all_accounts(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Raises Unobservable for anybody but root, who alone reads the shadow file."""
    accounts = read_accounts(vantage.place)
    times = Counter(account.number for account in accounts)
    seen: dict[str, Value] = {
        "root_like": tuple(each.name for each in accounts if each.number == 0 and each.name != "root"),
        "empty": tuple(each.name for each in accounts if each.entry == "none"),
        "weak": tuple(each.name for each in accounts if each.entry == "weak"),
        "doubled": tuple(number for number, count in sorted(times.items()) if count > 1),
        "system_shells": tuple(
            each.name
            for each in accounts
            if each.has_shell
            and 0 < each.number < FIRST_PERSON
            and each.number != OVERFLOW
            and each.entry != "approved"
        ),
    }
    return Observation(seen, f"{PASSWD}, {SHADOW}")


def of_the_gateway(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """The accounts that the manifest names, but root."""
    place = vantage.place
    names = {process.user for process in PROCESSES.values()} - {"root"}
    accounts = read_accounts(place)
    times = Counter(account.number for account in accounts)
    own = [account for account in accounts if account.name in names]
    groups = [line.split(":") for line in text(place, GROUP).splitlines() if line.count(":") == 3]
    seen: dict[str, Value] = {
        "missing": tuple(sorted(names - {account.name for account in own})),
        "shells": tuple(account.name for account in own if account.has_shell),
        "passwords": tuple(account.name for account in own if account.entry != "locked"),
        "shared": tuple(account.name for account in own if times[account.number] > 1),
        "members": tuple(fields[0] for fields in groups if fields[0] in names and fields[3].strip(", ")),
    }
    return Observation(seen, f"{PASSWD}, {SHADOW}, {GROUP}")


def user_ids(place: Place) -> Mapping[str, int]:
    """Number of each user by name, as the machine's own file has them."""
    rows = (line.split(":") for line in text(place, PASSWD).splitlines())
    return {row[0]: int(row[2]) for row in rows if len(row) >= 7 and row[2].isdecimal()}


def read_accounts(place: Place) -> list[Account]:
    """In the order of the file. Raises Unobservable."""
    kinds: dict[str, str] = {}
    for line in text(place, SHADOW).splitlines():
        name, _, rest = line.partition(":")
        kinds[name] = _kind(rest.partition(":")[0])
    found: list[Account] = []
    for line in text(place, PASSWD).splitlines():
        fields = line.split(":")
        if len(fields) != 7 or not (fields[2] + fields[3]).isdecimal():
            raise Unobservable(f"{PASSWD} has a line of another form")
        kind = kinds.get(fields[0], "locked") if fields[1] == "x" else _kind(fields[1])
        found.append(Account(fields[0], int(fields[2]), int(fields[3]), fields[5], fields[6], kind, fields[1] == "x"))
    return found


def _kind(field: str) -> str:
    if not field:
        return "none"
    if field.startswith(("!", "*")):
        return "locked"
    return "approved" if field.startswith(_APPROVED) else "weak"
