# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins whose backend is another process: away, and turning up."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from tests.unit.procs.sessiond.rig import ADMIN, Rig, a_configuration, a_site, drive
from wolfguard.config.site import Backend, Configuration, Lockout, Pam
from wolfguard.ipc.channel import Channel
from wolfguard.ipc.factors import (
    ACCEPT,
    REJECT,
    FactorAnswer,
    FactorCancel,
    FactorStep,
    HeldFor,
    HeldLost,
    HeldSessions,
    ListHeld,
    SessionEnded,
)
from wolfguard.ipc.management import Disconnect
from wolfguard.ipc.messages import Notice, Request


class FakePam:
    closed = False

    def __init__(self, *answers: FactorAnswer, held: tuple[int, ...] = ()) -> None:
        self.held = held
        self.told: list[Notice] = []
        self.answers = list(answers)
        self.asked: list[FactorStep] = []

    def notify(self, message: Notice) -> None:
        self.told.append(message)

    async def request(self, message: Request, *, timeout: float = 10.0) -> Any:
        if isinstance(message, ListHeld):
            return HeldSessions(self.held)
        assert isinstance(message, FactorStep)
        self.asked.append(message)
        return self.answers.pop(0)


def configuration(folder: Path) -> Configuration:
    backend = Backend("corp", "pam", pam=Pam("wolfguard", session=True))
    return a_configuration(folder, a_site(authentication=("corp",)), backends=(backend,), lockout=Lockout(failures=1))


HOLDS = FactorAnswer(ACCEPT, held=True)


def test_a_backend_that_is_away_counts_against_nobody(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        for _ in range(3):
            answer = await rig.step()
            assert answer.state == "refused"
            assert "cannot be checked" in answer.reason
        (event, *_) = await rig.events("login.unavailable")
        assert (event["reason"], event["who"], event["fields"]["method"]) == ("away", "anna", "corp")
        assert await rig.events("account.locked") == []
        rig.child.attached("pam", 0, cast(Channel, FakePam(FactorAnswer(ACCEPT))))
        await rig.log_in()

    drive(tmp_path, scene, configuration(tmp_path))


def test_a_wrong_answer_counts(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        pam = FakePam(FactorAnswer(REJECT, reason="password"))
        rig.child.attached("pam", 0, cast(Channel, pam))
        assert (await rig.step()).state == "form"
        assert len(await rig.events("account.locked")) == 1
        assert (await rig.step()).state == "refused"
        assert len(pam.asked) == 1

    drive(tmp_path, scene, configuration(tmp_path))


def test_what_pam_holds_is_the_sessions_until_its_end(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        pam = FakePam(HOLDS)
        rig.child.attached("pam", 0, cast(Channel, pam))
        await rig.log_in()
        (session,) = rig.child.state.sessions
        assert pam.told == [HeldFor(pam.asked[0].conversation, session.number)]
        await rig.ask(Disconnect(ADMIN, 0, "anna", ""))
        assert pam.told[1:] == [SessionEnded((session.number,))]

    drive(tmp_path, scene, configuration(tmp_path))


def test_what_is_held_for_a_login_without_a_session_is_closed(tmp_path: Path) -> None:
    """The password was right, but the group is not the user's."""

    async def scene(rig: Rig) -> None:
        pam = FakePam(HOLDS, FactorAnswer(ACCEPT, groups=("staff",), held=True))
        rig.child.attached("pam", 0, cast(Channel, pam))
        answer = await rig.step(group="staff")
        assert answer.state == "form"
        assert pam.told == [FactorCancel(pam.asked[0].conversation)]
        assert (await rig.step(group="staff", flow=answer.flow)).state == "done"
        assert pam.told[1:] == [HeldFor(pam.asked[1].conversation, next(iter(rig.child.state.sessions)).number)]

    drive(tmp_path, scene, configuration(tmp_path))


def test_a_pam_that_served_another_sessiond(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        first = FakePam(HOLDS)
        rig.child.attached("pam", 0, cast(Channel, first))
        await rig.log_in()
        (session,) = rig.child.state.sessions
        again = FakePam(held=(session.number, session.number + 1, session.number + 7))
        rig.child.attached("pam", 0, cast(Channel, again))
        await rig.settle()
        assert again.told == [SessionEnded((session.number + 1, session.number + 7))]

    drive(tmp_path, scene, configuration(tmp_path))


def test_losses_are_recorded(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        rig.child.attached("pam", 0, cast(Channel, FakePam(HOLDS)))
        await rig.log_in()
        (session,) = rig.child.state.sessions
        await rig.ask(HeldLost("corp", session.number, "crashed"), "pam")
        rig.child.detached("pam", 0)
        events = await rig.events("login.session-lost")
        assert [(event["reason"], event["who"]) for event in events] == [("crashed", "anna"), ("away", "")]
        assert len(rig.child.state.sessions) == 1

    drive(tmp_path, scene, configuration(tmp_path))
