# SPDX-License-Identifier: GPL-3.0-or-later
"""Local users: one path and one cost for every outcome."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from wolfguard.auth.backend import Accept, Admitted, Begin, Claim, Filled, Performed, Reject, Work
from wolfguard.auth.local import Checked, CheckPassword, LocalBackend, PasswordCheck
from wolfguard.errors import LocalError
from wolfguard.secret import Secret


@dataclass(frozen=True, slots=True)
class Stored:
    verifier: str
    groups: tuple[str, ...] = ()


def filled(name: bytes, password: bytes) -> Filled:
    return Filled({"username": Secret(name), "password": Secret(password)})


def test_a_right_password_is_accepted_with_the_stored_groups() -> None:
    talk = LocalBackend().converse()
    talk.advance(Begin())
    assert talk.advance(filled(b"anna", b"right")) == Claim("anna")
    assert talk.advance(Admitted()) == CheckPassword("anna", Secret(b"right"))
    assert talk.advance(Performed(Checked(True, True, ("staff",)))) == Accept("anna", ("staff",))


def test_rejections_tell_records_but_not_the_client_what_was_wrong() -> None:
    talk = LocalBackend().converse()
    talk.advance(filled(b"anna", b"wrong"))
    assert talk.advance(Performed(Checked(False, True))) == Reject("password", True)
    assert talk.advance(Performed(Checked(False, False))) == Reject("user", False)


@pytest.mark.parametrize("name", [b"", b"\xff", b"a\x00b", b"x" * 2000])
def test_impossible_names_take_the_same_way(name: bytes) -> None:
    talk = LocalBackend().converse()
    assert talk.advance(filled(name, b"pw")) == Claim(None)
    assert talk.advance(Admitted()) == CheckPassword(None, Secret(b"pw"))
    assert talk.advance(Performed(Checked(True, True))) == Reject("password", True), "no name, no entry"


def test_it_hears_only_what_it_asked_for() -> None:
    with pytest.raises(LocalError):
        LocalBackend().converse().advance(Performed("something else"))


class Ground:
    """Counts what a check costs."""

    def __init__(self) -> None:
        self.users = {"anna": Stored("right", ("staff",))}
        self.costs: list[str] = []
        self.good: list[str] = []

    async def look_up(self, name: str) -> Stored | None:
        self.costs.append("look")
        return self.users.get(name)

    async def verify(self, password: Secret, verifier: str | None) -> bool:
        self.costs.append("hash")
        if password.reveal() == b"removed meanwhile":
            del self.users["anna"]
            return True
        return verifier is not None and verifier.encode() == password.reveal()

    def heard(self, name: str, verifier: str, password: Secret) -> None:
        self.good.append(name)

    def check(self, name: str | None, password: bytes | None) -> Checked:
        self.costs.clear()
        performer = PasswordCheck(self.look_up, self.verify, self.heard)
        secret = None if password is None else Secret(password)
        return asyncio.run(performer(CheckPassword(name, secret)))


def test_all_ways_cost_the_same() -> None:
    ground = Ground()
    assert ground.check("anna", b"right") == Checked(True, True, ("staff",))
    assert ground.good == ["anna"]
    cost = list(ground.costs)
    for name, password in (("anna", b"wrong"), ("nobody", b"x"), (None, b"x"), ("anna", None), (None, None)):
        assert not ground.check(name, password).correct
        assert ground.costs == cost
    assert ground.good == ["anna"]


def test_an_account_removed_during_the_check_does_not_come_in() -> None:
    assert not Ground().check("anna", b"removed meanwhile").correct


def test_it_performs_nothing_else() -> None:
    ground = Ground()
    with pytest.raises(LocalError):
        asyncio.run(PasswordCheck(ground.look_up, ground.verify, ground.heard)(Work()))
