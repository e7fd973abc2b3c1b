# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of sessions: their states, deadlines and places. sans-IO; time comes in as Unix seconds.

    fresh --open--> connected --closed, worker lost--> waiting --open--> connected
      `--unused--> (ended)   any --expired, left, kicked--> (ended)   waiting --not back--> (ended)

Rules: `expires` is set at login and no reconnect moves it; a cookie that no tunnel used within the reconnect time after
login, or after the loss of its tunnel, is dead; the end of a session kills its cookie at once.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wolfguard.auth.grant import NO_ACCESS, NOTHING, Grant
from wolfguard.auth.policy import Budget
from wolfguard.ipc.logins import Peer, TlsFacts
from wolfguard.ipc.tunnels import DatagramFacts
from wolfguard.procs.sessiond.account import Account

FRESH: Final = "fresh"
CONNECTED: Final = "connected"
WAITING: Final = "waiting"

NO_SLOT: Final = -1

# Reasons of an end by time, as they stand in records.
EXPIRED: Final = "session-timeout"
UNUSED: Final = "cookie-unused"
NOT_BACK: Final = "not-reconnected"


@dataclass(slots=True)
class Session:
    """One login's session. `deadline` 0 means that only `expires` counts, `expires` 0 means never.

    `place` is its index in the shared traffic counters. `confirmed` is False for a tunnel that was granted before a
    restart and of which its worker has not been heard yet. `lease_durable`: its addresses are stored, so that a restart
    gives them to nobody else. `notice` is told to the user at the first tunnel. `datagram`: the DTLS of the present
    tunnel while it has one; `datagram_recorded`: what of this tunnel's DTLS is on record, with the reason of a refusal.
    `grant` is what an authentication server said at the login; `access` and `rates` are what the tunnel has of its
    policy: the list that its addresses are under, and what it may carry up and down. `account`: how it is accounted
    for.
    """

    number: int
    cookie_hash: bytes
    user: str
    group: str
    site: str
    place: int
    created: int
    expires: int
    deadline: int
    state: str = FRESH
    slot: int = NO_SLOT
    epoch: int = 0
    connected: int = 0
    ipv4: str = ""
    ipv6: str = ""
    mtu: int = 0
    confirmed: bool = True
    lease_durable: bool = True
    notice: str = ""
    user_agent: str = ""
    hostname: str = ""
    peer: Peer | None = None
    tls: TlsFacts | None = None
    datagram: DatagramFacts | None = None
    not_approved: bool = False
    datagram_recorded: frozenset[tuple[DatagramFacts, str]] = frozenset()
    grant: Grant = NOTHING
    access: str = NO_ACCESS
    rates: tuple[Budget, Budget] = (Budget(0, 0), Budget(0, 0))
    account: Account | None = None

    def due(self) -> int:
        """When it ends unless something happens; 0 means never."""
        if self.expires and self.deadline:
            return min(self.expires, self.deadline)
        return self.expires or self.deadline


class Sessions:
    """All live sessions. `places` is how many the traffic counters have room for."""

    def __init__(self, places: int) -> None:
        self._by_number: dict[int, Session] = {}
        self._numbers: list[int] = []
        self._by_cookie: dict[bytes, Session] = {}
        self._by_user: dict[str, dict[int, Session]] = {}
        self._by_group: dict[tuple[str, str], dict[int, Session]] = {}
        self._by_slot: dict[int, dict[int, Session]] = {}
        self._due: list[tuple[int, int]] = []
        self._places = places
        self._free_places: list[int] = []
        self._next_place = 0

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._by_number.values())

    @property
    def full(self) -> bool:
        """Whether the traffic counters have no place left."""
        return not self._free_places and self._next_place >= self._places

    def add(self, session: Session) -> None:
        """Takes in a new session (its `place` given by `take_place`), or one from before a restart."""
        if session.number in self._by_number or session.cookie_hash in self._by_cookie:
            raise ValueError("a session with this number or cookie exists")
        self._by_number[session.number] = session
        if self._numbers and self._numbers[-1] > session.number:
            self._numbers.insert(bisect_right(self._numbers, session.number), session.number)
        else:
            self._numbers.append(session.number)
        self._by_cookie[session.cookie_hash] = session
        self._by_user.setdefault(session.user, {})[session.number] = session
        self._by_group.setdefault((session.site, session.group), {})[session.number] = session
        if session.state == CONNECTED:
            self._by_slot.setdefault(session.slot, {})[session.number] = session
        self._arm(session)

    def take_place(self) -> int:
        """The lowest free place; raises IndexError when `full`."""
        if self._free_places:
            return heapq.heappop(self._free_places)
        if self._next_place >= self._places:
            raise IndexError("no place is free in the traffic counters")
        self._next_place += 1
        return self._next_place - 1

    def restore_places(self) -> None:
        """After the sessions of the run before were added: all places but theirs are free."""
        taken = {session.place for session in self}
        self._next_place = max(taken, default=-1) + 1
        self._free_places = [place for place in range(self._next_place) if place not in taken]

    def get(self, number: int) -> Session | None:
        return self._by_number.get(number)

    def by_cookie(self, cookie_hash: bytes) -> Session | None:
        return self._by_cookie.get(cookie_hash)

    def of_user(self, user: str) -> tuple[Session, ...]:
        return tuple(self._by_user.get(user, {}).values())

    def of_group(self, site: str, group: str) -> tuple[Session, ...]:
        """Sessions of a site's group."""
        return tuple(self._by_group.get((site, group), {}).values())

    def on_slot(self, slot: int) -> tuple[Session, ...]:
        """Sessions whose tunnel a worker carries."""
        return tuple(self._by_slot.get(slot, {}).values())

    def page(self, after: int, limit: int) -> tuple[Session, ...]:
        """Sessions by number, those above `after`."""
        start = bisect_right(self._numbers, after)
        return tuple(self._by_number[number] for number in self._numbers[start : start + limit])

    def tunnels(self) -> int:
        return sum(len(each) for each in self._by_slot.values())

    def open(self, session: Session, slot: int, epoch: int, now: int) -> tuple[int, int] | None:
        """A tunnel of this epoch is granted on a worker; returns (slot, epoch) of the tunnel that it replaces."""
        if epoch <= session.epoch:
            raise ValueError("an epoch must grow")
        replaced = (session.slot, session.epoch) if session.state == CONNECTED else None
        self._leave_slot(session)
        session.state, session.slot, session.epoch = CONNECTED, slot, epoch
        session.connected, session.deadline, session.confirmed = now, 0, True
        session.datagram, session.datagram_recorded = None, frozenset()
        self._by_slot.setdefault(slot, {})[session.number] = session
        self._arm(session)
        return replaced

    def closed(self, session: Session, epoch: int, now: int, reconnect: int) -> bool:
        """The tunnel of this epoch is gone; False when a newer one has replaced it already."""
        if session.state != CONNECTED or epoch != session.epoch:
            return False
        self._leave_slot(session)
        session.state, session.slot, session.deadline = WAITING, NO_SLOT, now + reconnect
        session.datagram = None
        self._arm(session)
        return True

    def expire_at(self, session: Session, when: int) -> None:
        """Its life is another one; 0 for no end."""
        session.expires = when
        self._arm(session)

    def regroup(self, session: Session, group: str) -> None:
        """It belongs to another group of its site."""
        self._leave_group(session)
        session.group = group
        self._by_group.setdefault((session.site, group), {})[session.number] = session

    def end(self, session: Session) -> None:
        """Removes it: the cookie is dead from here on."""
        del self._by_number[session.number]
        del self._numbers[bisect_right(self._numbers, session.number) - 1]
        del self._by_cookie[session.cookie_hash]
        mine = self._by_user[session.user]
        del mine[session.number]
        if not mine:
            del self._by_user[session.user]
        self._leave_group(session)
        self._leave_slot(session)
        heapq.heappush(self._free_places, session.place)

    def due(self, now: float) -> list[tuple[Session, str]]:
        """Sessions whose time is over, with the reason; the caller ends them."""
        over: dict[int, tuple[Session, str]] = {}
        while self._due and self._due[0][0] <= now:
            when, number = heapq.heappop(self._due)
            session = self._by_number.get(number)
            # Entries are not taken out when a deadline moves: the one that tells the truth is the newest.
            if session is None or session.due() != when:
                continue
            expired = session.expires and session.expires <= now
            over[number] = (session, EXPIRED if expired else UNUSED if session.state == FRESH else NOT_BACK)
        return list(over.values())

    def _arm(self, session: Session) -> None:
        if session.due():
            heapq.heappush(self._due, (session.due(), session.number))
        # Every reconnect leaves a stale entry: rebuild before they outnumber the sessions.
        if len(self._due) > 64 + 4 * len(self._by_number):
            self._due = [(each.due(), each.number) for each in self if each.due()]
            heapq.heapify(self._due)

    def _leave_group(self, session: Session) -> None:
        members = self._by_group[session.site, session.group]
        del members[session.number]
        if not members:
            del self._by_group[session.site, session.group]

    def _leave_slot(self, session: Session) -> None:
        if session.slot != NO_SLOT:
            self._by_slot.get(session.slot, {}).pop(session.number, None)
