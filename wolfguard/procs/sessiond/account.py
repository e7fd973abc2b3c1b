# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session has to do with accounting: where it is told, since when, and what it had carried at the last report.

Owns the value that is stored with the session, and its reading from what a server granted. Must not know sessions.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from wolfguard.config.site import Accounting
from wolfguard.ipc import codec
from wolfguard.ipc.accounting import NO_TRAFFIC, AccountedTraffic
from wolfguard.ipc.factors import Attribute
from wolfguard.ipc.messages import Message

CLASS: Final = "class"
INTERVAL: Final = "interim-interval"
INTERVAL_LEAST: Final = 60
"""What a server may ask for; RFC 2869 section 5.16 allows no less."""
CLASSES_MAX: Final = 8
CLASS_BYTES_MAX: Final = 253


@dataclass(frozen=True, slots=True)
class AccountedAt(Message):
    """`classes`: what this backend's server said, base64; it is for nobody else's."""

    backend: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Account(Message):
    """`began` 0: no tunnel yet, so nothing was told. `interval`: seconds between reports, 0 for none. `seen`: what the
    counters said at the last report, `earlier` what such counters said that ended with an earlier run of the gateway.
    `stranded`: the gateway was started anew, and its client has not come back yet."""

    at: tuple[AccountedAt, ...]
    interval: int
    began: int = 0
    earlier: AccountedTraffic = NO_TRAFFIC
    seen: AccountedTraffic = NO_TRAFFIC
    stranded: bool = False

    def total(self, counted: AccountedTraffic) -> AccountedTraffic:
        """With what the counters say now."""
        return _sum(self.earlier, counted)

    def after_restart(self) -> Account:
        """The counters have begun anew."""
        return replace(self, earlier=_sum(self.earlier, self.seen), seen=NO_TRAFFIC, stranded=True)


def of_login(
    accepted: Iterable[tuple[str, Sequence[Attribute]]], accounting: Mapping[str, Accounting]
) -> Account | None:
    """`accepted`: backends and what each said; `accounting`: those that are told of sessions. None: nobody is."""
    at: list[AccountedAt] = []
    intervals: list[int] = []
    for backend, said in accepted:
        own = accounting.get(backend)
        if own is None or any(each.backend == backend for each in at):
            continue
        intervals.append(_interval(said) or own.interval)
        classes = [each.value for each in said if each.name == CLASS and _fits(each.value)]
        at.append(AccountedAt(backend, tuple(classes[:CLASSES_MAX])))
    return Account(tuple(at), min(filter(None, intervals), default=0)) if at else None


def reread(account: Account, backend: str, said: Sequence[Attribute]) -> Account:
    """With what a server says anew while the session lives: another Class, another interval."""
    classes = tuple(each.value for each in said if each.name == CLASS and _fits(each.value))[:CLASSES_MAX]
    at = tuple(replace(each, classes=classes) if classes and each.backend == backend else each for each in account.at)
    return replace(account, at=at, interval=_interval(said) or account.interval)


def _interval(said: Sequence[Attribute]) -> int:
    """What a server asks for; 0 for nothing."""
    asked = [int(each.value) for each in said if each.name == INTERVAL and each.value.isdecimal()]
    return max(asked[0], INTERVAL_LEAST) if asked else 0


def to_json(account: Account | None) -> str:
    """For the store; empty for none."""
    return "" if account is None else json.dumps(codec.to_json(account))


def from_json(text: str) -> Account | None:
    """Raises PeerError for what another release, or nobody, has written."""
    return codec.from_json(Account, codec.load(text.encode())) if text else None


def _fits(value: str) -> bool:
    try:
        return 0 < len(base64.b64decode(value, validate=True)) <= CLASS_BYTES_MAX
    except (binascii.Error, ValueError):
        return False


def _sum(one: AccountedTraffic, other: AccountedTraffic) -> AccountedTraffic:
    return AccountedTraffic(
        one.received_bytes + other.received_bytes,
        one.sent_bytes + other.sent_bytes,
        one.received_packets + other.received_packets,
        one.sent_packets + other.sent_packets,
    )
