# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins whose backend is another process: away, and turning up."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from tests.unit.procs.sessiond.rig import Rig, a_configuration, a_site, drive
from wolfguard.config.site import Backend, Configuration, Lockout, Pam
from wolfguard.ipc.channel import Channel
from wolfguard.ipc.factors import ACCEPT, REJECT, FactorAnswer, FactorStep
from wolfguard.ipc.messages import Request


class FakePam:
    closed = False

    def __init__(self, *answers: FactorAnswer) -> None:
        self.answers = list(answers)
        self.asked: list[FactorStep] = []

    async def request(self, message: Request, *, timeout: float) -> Any:
        assert isinstance(message, FactorStep)
        self.asked.append(message)
        return self.answers.pop(0)


def configuration(folder: Path) -> Configuration:
    backend = Backend("corp", "pam", pam=Pam("wolfguard"))
    return a_configuration(folder, a_site(authentication=("corp",)), backends=(backend,), lockout=Lockout(failures=1))


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
