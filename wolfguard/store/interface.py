# SPDX-License-Identifier: GPL-3.0-or-later
"""The one interface to durable state, and the rows that cross it.

Owns shapes. Callers keep the working copy in memory and hand over changes; a store makes each `apply` one atomic,
durable unit. Every change says the whole new state of its row, so that applying it twice does no harm. Cookies arrive
here as hashes only, passwords as their stored verifier only. Must not know SQL. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wolfguard.errors import LocalError


class StoreError(LocalError):
    """The state could not be read or made durable; nothing of the change took effect."""


@dataclass(frozen=True, slots=True)
class User:
    """`verifier` is the text of the password hash; `last_login` 0 means never."""

    name: str
    verifier: str
    groups: tuple[str, ...]
    created: int
    last_login: int = 0


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as it must come back after a restart. `facts` is JSON for display (peer, TLS, agent), `granted` JSON of
    what an authentication server granted, `accounting` JSON of how it is accounted for, empty where it is not."""

    session: int
    cookie_hash: bytes
    user: str
    group: str
    site: str
    ipv4: str
    ipv6: str
    place: int
    slot: int
    epoch: int
    created: int
    connected: int
    deadline: int
    expires: int
    facts: str
    granted: str = "{}"
    accounting: str = ""


@dataclass(frozen=True, slots=True)
class FailureRow:
    """Failures of one account ("account") or source ("address"). `locked_until` 0 means not locked."""

    kind: str
    key: str
    known: bool
    count: int
    window_start: int
    locked_until: int
    consecutive: int


@dataclass(frozen=True, slots=True)
class RestRow:
    """An address that may not go to anybody but `owner` before `until`."""

    address: str
    owner: str
    until: int


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record of the trail: its number and its canonical text."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class AccountingRow:
    """One event that a backend's servers have still to be told, as JSON; numbers grow."""

    number: int
    backend: str
    event: str


# --- changes: each names the whole new state of one row -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PutSession:
    row: SessionRow


@dataclass(frozen=True, slots=True)
class DropSession:
    session: int


@dataclass(frozen=True, slots=True)
class PutFailure:
    row: FailureRow


@dataclass(frozen=True, slots=True)
class DropFailure:
    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class PutRest:
    row: RestRow


@dataclass(frozen=True, slots=True)
class DropRests:
    """Forgets addresses whose rest ended before `until`."""

    until: int


@dataclass(frozen=True, slots=True)
class PutRecord:
    row: RecordRow


@dataclass(frozen=True, slots=True)
class TrimRecords:
    """Forgets records below `number`; the newest one always stays, it is the head of the chain."""

    number: int


@dataclass(frozen=True, slots=True)
class PutValue:
    """A named number: high-water marks of sequences, the newest record that reached its sink."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class PutAccounting:
    row: AccountingRow


@dataclass(frozen=True, slots=True)
class DropAccounting:
    number: int


@dataclass(frozen=True, slots=True)
class PutUser:
    row: User


@dataclass(frozen=True, slots=True)
class DropUser:
    name: str


@dataclass(frozen=True, slots=True)
class SetVerifier:
    """A new password of an existing user."""

    name: str
    verifier: str


@dataclass(frozen=True, slots=True)
class RenewVerifier:
    """The same password, hashed anew; nothing happens when another one has been set meanwhile."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class NoteLogin:
    name: str
    time: int


Change = (
    PutSession
    | DropSession
    | PutFailure
    | DropFailure
    | PutRest
    | DropRests
    | PutRecord
    | TrimRecords
    | PutValue
    | PutAccounting
    | DropAccounting
    | PutUser
    | DropUser
    | SetVerifier
    | RenewVerifier
    | NoteLogin
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a starting sessiond needs; users are read one by one later."""

    sessions: tuple[SessionRow, ...]
    failures: tuple[FailureRow, ...]
    rests: tuple[RestRow, ...]
    records: tuple[RecordRow, ...]
    values: tuple[tuple[str, int], ...]
    accounting: tuple[AccountingRow, ...] = ()


class Store(Protocol):
    """Durable state. All methods raise StoreError."""

    def load(self) -> Snapshot:
        """Reads everything but the users; called once, at start, before the process is confined."""

    def apply_at_start(self, changes: Sequence[Change]) -> None:
        """As `apply`, while the process is not confined yet and has one thread."""

    async def apply(self, changes: Sequence[Change]) -> None:
        """Makes the changes durable, all or none, before it returns. Concurrent calls may share one commit."""

    async def user(self, name: str) -> User | None:
        """One user by exact name."""

    async def users(self, after: str, limit: int) -> tuple[User, ...]:
        """Users by name, those above `after`, at most `limit`."""

    async def copy(self) -> str:
        """Makes a copy of everything at one moment, beside the state and for its owner alone; returns the file's name.
        Whoever takes it away may be slow: a start removes what is left of earlier ones."""

    async def close(self) -> None:
        """Lets go of everything; what was applied stays."""
