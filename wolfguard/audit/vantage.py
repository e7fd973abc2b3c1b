# SPDX-License-Identifier: GPL-3.0-or-later
"""From where an audit looks: the machine, the way to ask the gateway, the listener to shake hands with, the moment.

Who starts the audit puts it together; probes take what they need of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wolfguard.audit.account import Account
from wolfguard.audit.observation import Unobservable
from wolfguard.audit.place import Place

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listener:
    """Where to shake hands. `name` is what the ClientHello asks for (RFC 6066), empty for none."""

    address: str
    port: int
    name: str = ""

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}"


def no_records(newest: int) -> Sequence[Json]:
    """Of a gateway that nobody can ask."""
    raise Unobservable("there is no way to the gateway's records from here")


@dataclass(frozen=True, slots=True)
class Vantage:
    """`gateway` answers with the status that a gateway gives an auditor, `module` with the verdict on its module as
    `wolfguard fips status --json` has it. `listener` is the one that was named, or one of the gateway. `installation`
    is the folder of its Python packages. `records` gives at most so many of the gateway's newest records, in their
    order. All raise Unobservable. `now` is aware, in UTC. `account` is who may log in, None for nobody."""

    place: Place
    gateway: Callable[[], Json]
    module: Callable[[], Json]
    listener: Callable[[], Listener]
    now: datetime
    installation: Callable[[], str]
    account: Account | None = None
    records: Callable[[int], Sequence[Json]] = no_records
