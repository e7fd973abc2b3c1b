# SPDX-License-Identifier: GPL-3.0-or-later
"""One helper a login, some ready beforehand, no more than allowed, and an answer whatever becomes of a helper."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.procs.pam.ground import Ground, play, step, until
from wolfguard.ipc.factors import ACCEPT, ASK, REJECT, UNAVAILABLE, FactorAnswer
from wolfguard.ipc.logins import FormField
from wolfguard.procs.pam.held import CLOSED, Held
from wolfguard.procs.pam.pool import Pool

ASKED = FactorAnswer(ASK, (FormField("prompt_0", "password", "Code:"),))
YES = FactorAnswer(ACCEPT, groups=("staff",))
NO = FactorAnswer(REJECT, reason="password")


def pool(ground: Ground, *, spare: int = 0, most: int = 2, timeout: float = 5.0, held: Held | None = None) -> Pool:
    return Pool(ground.nursery, spare=spare, most=most, timeout=timeout, held=held)


def test_a_login_in_one_step() -> None:
    async def scene(ground: Ground) -> None:
        made = pool(ground)
        task = asyncio.create_task(made.step(step()))
        assert (await ground.asked(1)).user == "pia"
        ground.say(1, YES)
        assert await task == YES
        assert ground.hear() == ["+1", "-1"]
        assert made.busy == 0

    play(scene)


def test_spare_helpers_are_ready_and_replaced() -> None:
    async def scene(ground: Ground) -> None:
        made = pool(ground, spare=2)
        made.fill()
        made.fill()
        assert ground.hear() == ["+1", "+2"]
        task = asyncio.create_task(made.step(step()))
        await ground.asked(1)
        await until(lambda: "+3" in ground.hear())
        ground.say(1, NO)
        assert await task == NO
        made.forget_spare()

    play(scene)


def test_a_conversation_keeps_its_helper() -> None:
    async def scene(ground: Ground) -> None:
        made = pool(ground)
        first = asyncio.create_task(made.step(step()))
        await ground.asked(1)
        ground.say(1, ASKED)
        assert await first == ASKED
        assert made.busy == 1
        second = asyncio.create_task(made.step(step(number=1, password=b"123456")))
        assert dict((await ground.asked(1)).answers)["password"].reveal() == b"123456"
        ground.say(1, YES)
        assert await second == YES
        assert ground.hear() == ["+1", "-1"]

    play(scene)


@pytest.mark.parametrize(
    ("word", "reason"),
    [(b"", "crashed"), (b"{", "failed"), (b'{"state":"accept"', "failed"), (b'{"state":1}', "failed")],
    ids=["ends", "noise", "cut", "type"],
)
def test_a_helper_that_says_no_answer(word: bytes, reason: str) -> None:
    async def scene(ground: Ground) -> None:
        made = pool(ground)
        task = asyncio.create_task(made.step(step()))
        await ground.asked(1)
        if word:
            ground.say(1, word)
        else:
            ground.die(1)
        answer = await task
        assert (answer.state, answer.reason) == (UNAVAILABLE, reason)
        assert ground.hear()[-1] == "-1"
        assert made.busy == 0

    play(scene)


def test_a_helper_that_is_silent_is_ended() -> None:
    async def scene(ground: Ground) -> None:
        answer = await pool(ground, timeout=0.05).step(step())
        assert (answer.state, answer.reason) == (UNAVAILABLE, "timeout")
        assert ground.hear() == ["+1", "-1"]

    play(scene)


def test_too_many_at_once() -> None:
    async def scene(ground: Ground) -> None:
        made = pool(ground, most=1)
        task = asyncio.create_task(made.step(step()))
        await ground.asked(1)
        answer = await made.step(step("c2"))
        assert (answer.state, answer.reason) == (UNAVAILABLE, "busy")
        assert (await made.step(step())).reason == "busy"
        ground.say(1, YES)
        assert await task == YES

    play(scene)


def test_who_waits_for_a_person_gives_way() -> None:
    async def scene(ground: Ground) -> None:
        made = pool(ground, most=1)
        first = asyncio.create_task(made.step(step()))
        await ground.asked(1)
        ground.say(1, ASKED)
        await first
        second = asyncio.create_task(made.step(step("c2")))
        await ground.asked(2)
        assert ground.hear() == ["+1", "-1", "+2"]
        assert (await made.step(step(number=1))).reason == "forgotten"
        ground.say(2, YES)
        assert await second == YES

    play(scene)


def test_cancelled_in_the_middle_of_a_step() -> None:
    async def scene(ground: Ground) -> None:
        made = pool(ground)
        task = asyncio.create_task(made.step(step()))
        await ground.asked(1)
        made.cancel("c1")
        assert (await task).reason == "crashed"
        assert ground.hear()[-1] == "-1"
        made.cancel("c1")

    play(scene)


def test_cancelled_while_it_waits() -> None:
    async def scene(ground: Ground) -> None:
        made = pool(ground)
        task = asyncio.create_task(made.step(step()))
        await ground.asked(1)
        ground.say(1, ASKED)
        await task
        made.cancel("c1")
        assert ground.hear()[-1] == "-1"
        assert made.busy == 0

    play(scene)


def test_while_the_nursery_is_away() -> None:
    async def scene(ground: Ground) -> None:
        made = pool(ground, spare=1)
        made.fill()
        left = ground.nursery.detach()
        assert left is not None
        left.close()
        made.forget_spare()
        made.fill()
        answer = await made.step(step())
        assert (answer.state, answer.reason) == (UNAVAILABLE, "away")

    play(scene)


def test_an_accepted_login_is_held_and_then_closed() -> None:
    async def scene(ground: Ground) -> None:
        lost: list[tuple[int, str]] = []
        held = Held(ground.nursery, 1, lambda session, reason: lost.append((session, reason)))
        made = pool(ground, held=held)
        task = asyncio.create_task(made.step(step()))
        await ground.asked(1)
        ground.say(1, FactorAnswer(ACCEPT, held=True))
        assert (await task).held
        assert ground.hear() == ["+1"]
        assert (made.busy, len(held), held.full) == (0, 1, True)
        answer = await made.step(step("c2"))
        assert (answer.state, answer.reason) == (UNAVAILABLE, "sessions")
        made.cancel("c1")
        await until(lambda: ground.helpers[1].recv(1) == b"")
        ground.say(1, CLOSED)
        await until(lambda: not len(held))
        assert (ground.hear(), lost) == (["+1", "-1"], [])

    play(scene)


def test_a_helper_may_hold_nothing_where_nothing_is_held() -> None:
    async def scene(ground: Ground) -> None:
        made = pool(ground)
        task = asyncio.create_task(made.step(step()))
        await ground.asked(1)
        ground.say(1, FactorAnswer(ACCEPT, held=True))
        await task
        assert ground.hear() == ["+1", "-1"]

    play(scene)
