# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may send what to whom, and in which state: the question that every message is put to, at both ends.

Owns the look-up. The rows are generated from seccomp/processes.yml into `ipc.dispatch_table`. Nothing is permitted
that has no row; replies and errors need none, since only an asked question has an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wolfguard.errors import LocalError
from wolfguard.ipc import accounting, factors, life, logins, management, orders, routes, tunnels
from wolfguard.ipc.dispatch_table import ROWS
from wolfguard.ipc.messages import Message, Notice, Request

STARTING: Final = "starting"
"""Between a process and the supervisor, until the process has said `Ready`."""
SERVING: Final = "serving"

Row = tuple[str, str, str, tuple[str, ...], bool]
"""Sender, receiver, name of the message's class, states, whether descriptors may travel with it."""


@dataclass(frozen=True, slots=True)
class Permit:
    kind: type[Message]
    states: frozenset[str]
    descriptors: bool


class Dispatch:
    """A table of permits. `names` finds the class of a message by its name."""

    def __init__(self, rows: Sequence[Row], names: Mapping[str, object]) -> None:
        self._permits: dict[tuple[str, str], dict[str, Permit]] = {}
        for sender, receiver, name, states, descriptors in rows:
            kind = names.get(name)
            if not (isinstance(kind, type) and issubclass(kind, Request | Notice)):
                raise LocalError(f"the dispatch table names {name}, which is no request and no notice")
            permits = self._permits.setdefault((sender, receiver), {})
            permits[name] = Permit(kind, frozenset(states), descriptors)

    def permit(self, sender: str, receiver: str, name: str, state: str) -> Permit | None:
        """The permit for this message now, or None."""
        permit = self._permits.get((sender, receiver), {}).get(name)
        return permit if permit is not None and state in permit.states else None

    def receivable(self, sender: str, receiver: str) -> frozenset[type[Message]]:
        """Every message that `receiver` may get from `sender` in any state: what it needs handlers for."""
        return frozenset(permit.kind for permit in self._permits.get((sender, receiver), {}).values())


NAMES: Final[Mapping[str, object]] = {
    name: value
    for each in (life, logins, tunnels, routes, management, factors, accounting, orders)
    for name, value in vars(each).items()
}
"""Where the rows' names are looked up."""
TABLE: Final = Dispatch(ROWS, NAMES)
