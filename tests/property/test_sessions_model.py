# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions against a model: whatever the order of logins, tunnels, losses, ends and waiting."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wolfguard.procs.sessiond.sessions import CONNECTED, FRESH, WAITING, Session, Sessions

PLACES = 6
RECONNECT = 30
slots = st.integers(0, 2)
pick = st.integers(0, 10_000)


@dataclass
class Expected:
    user: str
    state: str
    slot: int
    epoch: int
    ends: int
    expires: int


class SessionsModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sessions = Sessions(PLACES)
        self.model: dict[int, Expected] = {}
        self.now = 1000
        self.numbers = 0
        self.epochs = 0
        self.dead: list[bytes] = []

    def chosen(self, choice: int) -> Session:
        number = sorted(self.model)[choice % len(self.model)]
        session = self.sessions.get(number)
        assert session is not None
        return session

    def forget(self, session: Session) -> None:
        self.sessions.end(session)
        del self.model[session.number]
        self.dead.append(session.cookie_hash)

    @precondition(lambda self: len(self.model) < PLACES)
    @rule(user=st.sampled_from(["anna", "bert"]), lifetime=st.sampled_from([0, 45, 200]))
    def log_in(self, user: str, lifetime: int) -> None:
        assert not self.sessions.full
        self.numbers += 1
        expires = self.now + lifetime if lifetime else 0
        session = Session(
            number=self.numbers,
            cookie_hash=f"cookie{self.numbers}".encode(),
            user=user,
            group="",
            site="main",
            place=self.sessions.take_place(),
            created=self.now,
            expires=expires,
            deadline=self.now + RECONNECT,
        )
        self.sessions.add(session)
        self.model[self.numbers] = Expected(user, FRESH, -1, 0, self.now + RECONNECT, expires)

    @precondition(lambda self: len(self.model) == PLACES)
    @rule()
    def no_place_is_left(self) -> None:
        assert self.sessions.full

    @precondition(lambda self: self.model)
    @rule(choice=pick, slot=slots)
    def connect(self, choice: int, slot: int) -> None:
        session = self.chosen(choice)
        expected = self.model[session.number]
        self.epochs += 1
        replaced = self.sessions.open(session, slot, self.epochs, self.now)
        assert replaced == ((expected.slot, expected.epoch) if expected.state == CONNECTED else None)
        expected.state, expected.slot, expected.epoch, expected.ends = CONNECTED, slot, self.epochs, 0

    @precondition(lambda self: self.model)
    @rule(choice=pick, stale=st.booleans())
    def lose(self, choice: int, stale: bool) -> None:
        session = self.chosen(choice)
        expected = self.model[session.number]
        counts = expected.state == CONNECTED and not stale
        assert self.sessions.closed(session, session.epoch - stale, self.now, RECONNECT) == counts
        if counts:
            expected.state, expected.slot, expected.ends = WAITING, -1, self.now + RECONNECT

    @precondition(lambda self: self.model)
    @rule(choice=pick)
    def end(self, choice: int) -> None:
        self.forget(self.chosen(choice))

    @rule(seconds=st.sampled_from([1, 10, 40]))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        over = {session.number: reason for session, reason in self.sessions.due(self.now)}
        for number, expected in list(self.model.items()):
            times = [time for time in (expected.ends, expected.expires) if time]
            assert (number in over) == any(time <= self.now for time in times)
        for number in over:
            session = self.sessions.get(number)
            assert session is not None
            self.forget(session)

    @invariant()
    def agrees(self) -> None:
        assert {session.number for session in self.sessions} == self.model.keys()
        assert [session.number for session in self.sessions.page(0, 100)] == sorted(self.model)
        assert all(self.sessions.by_cookie(cookie) is None for cookie in self.dead)
        places = [session.place for session in self.sessions]
        assert len(set(places)) == len(places)
        assert all(place < PLACES for place in places)
        for session in self.sessions:
            expected = self.model[session.number]
            assert (session.state, session.slot, session.epoch) == (expected.state, expected.slot, expected.epoch)
            assert self.sessions.by_cookie(session.cookie_hash) is session
            assert session in self.sessions.of_user(expected.user)
        for slot in range(3):
            carried = {number for number, expected in self.model.items() if expected.slot == slot}
            assert {session.number for session in self.sessions.on_slot(slot)} == carried
        assert self.sessions.tunnels() == sum(expected.state == CONNECTED for expected in self.model.values())


TestSessionsModel = SessionsModel.TestCase
