# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest records of the running gateway: whether each says what it must, and whether their chain holds.

Signatures of checkpoints are `wolfguard records verify`'s, which is given a key that was copied away before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.vantage import Json, Vantage
from wolfguard.crypto.digest import sha256
from wolfguard.policy.expect import Value
from wolfguard.records import checkpoint
from wolfguard.records.record import canonical
from wolfguard.records.verifier import FOREIGN_KEY, Verifier

NEWEST: Final = 1000
NAMED_MAXIMUM: Final = 20
_FORM: Final = ("sequence", "time", "event", "outcome", "hash", "previous")
_OF_SOMEBODY: Final = ("login.succeeded", "tunnel.opened", "tunnel.closed", "session.ended", "admin.")


def newest(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Raises Unobservable where no gateway answers, or it has no records."""
    records = vantage.records(NEWEST)
    if not records:
        raise Unobservable("the gateway has no records")
    verifier = Verifier(sha256, {})
    for each in records:
        verifier.take(canonical(each))
    report = verifier.finish()
    broken = [f"{each.record}: {each.kind}" for each in report.findings if each.kind != FOREIGN_KEY]
    signed = [at for at, each in enumerate(records) if each.get("event") == checkpoint.EVENT]
    seen: dict[str, Value] = {
        "broken": tuple(broken[:NAMED_MAXIMUM]),
        "unformed": _named(records, _unformed),
        "nameless": _named(records, _nameless),
        "lost": report.lost,
        "since_checkpoint": len(records) - 1 - signed[-1] if signed else len(records),
    }
    return Observation(seen, f"the gateway's newest {len(records)} records")


def of_account(records: Iterable[Json], user: str, after: int) -> Iterator[Json]:
    """Those about a user with a higher number."""
    return (each for each in records if each.get("who") == user and int(each.get("sequence", 0)) > after)


def _named(records: Sequence[Json], wrong: Any) -> tuple[str, ...]:
    found = [f"{each.get('sequence', '?')}: {each.get('event', '?')}" for each in records if wrong(each)]
    return tuple(found[:NAMED_MAXIMUM])


def _unformed(record: Json) -> bool:
    return any(record.get(name) in (None, "") for name in _FORM)


def _nameless(record: Json) -> bool:
    """A record of what somebody did that does not say who, or from where."""
    event = str(record.get("event", ""))
    return event.startswith(_OF_SOMEBODY) and not (record.get("who") and record.get("where"))
