# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of PAM that helpers hold: for whom, how they end, and that no loss is silent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.procs.pam.ground import Ground, play, until
from wolfguard.procs.pam import held as module
from wolfguard.procs.pam.held import CLOSED, Held


class Scene:
    """Two helpers that hold sessions for the conversations "a" and "b"."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.lost: list[tuple[int, str]] = []
        self.held = Held(ground.nursery, 2, lambda session, reason: self.lost.append((session, reason)))
        for conversation in ("a", "b"):
            self.held.keep(conversation, ground.nursery.begin())
        ground.hear()

    async def told(self, number: int) -> None:
        """This helper sees the end of its socket."""

        def ended() -> bool:
            try:
                return self.ground.helpers[number].recv(1) == b""
            except BlockingIOError:
                return False

        await until(ended)


def run(scene: Callable[[Scene], object]) -> None:
    async def on(ground: Ground) -> None:
        await scene(Scene(ground))  # type: ignore[misc]

    play(on)


def test_a_session_ends_its_own() -> None:
    async def scene(it: Scene) -> None:
        it.held.give("a", 7)
        it.held.give("b", 8)
        it.held.give("c", 9)
        assert list(it.held.sessions) == [7, 8]
        it.held.ended(8)
        it.held.ended(8)
        it.held.ended(9)
        await it.told(2)
        assert list(it.held.sessions) == [7]
        it.ground.say(2, CLOSED)
        await until(lambda: len(it.held) == 1)
        assert it.lost == []

    run(scene)


def test_who_dies_is_told() -> None:
    async def scene(it: Scene) -> None:
        it.held.give("a", 7)
        it.ground.die(1)
        it.ground.die(2)
        await until(lambda: not len(it.held))
        assert it.lost == [(7, "crashed"), (0, "crashed")]
        assert it.ground.hear()[2:] == ["-1", "-2"]

    run(scene)


@pytest.mark.parametrize("word", [b"", b"closed?", b"close", CLOSED])
def test_only_the_right_word_at_the_right_time_is_an_end_in_order(word: bytes) -> None:
    async def scene(it: Scene) -> None:
        it.held.give("a", 7)
        if word != CLOSED:
            it.held.ended(7)
        if word:
            it.ground.say(1, word)
        else:
            it.ground.die(1)
        await until(lambda: len(it.held) == 1)
        assert [reason for _, reason in it.lost] == ["crashed"]

    run(scene)


def test_a_module_that_does_not_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)

    async def scene(it: Scene) -> None:
        it.held.give("a", 7)
        it.held.close_all()
        assert it.held.sessions == ()
        it.ground.say(2, CLOSED)
        await it.held.gone()
        assert it.lost == [(7, "timeout")]
        assert "-1" in it.ground.hear()

    run(scene)


def test_what_is_nobodys_is_closed() -> None:
    async def scene(it: Scene) -> None:
        it.held.give("a", 7)
        it.held.close_unclaimed()
        await it.told(2)
        it.ground.say(2, CLOSED)
        await until(lambda: len(it.held) == 1)
        assert (it.held.sessions, it.lost) == ((7,), [])

    run(scene)


def test_what_is_closing_is_given_to_nobody() -> None:
    async def scene(it: Scene) -> None:
        it.held.close("a")
        it.held.give("a", 7)
        assert it.held.sessions == ()

    run(scene)
