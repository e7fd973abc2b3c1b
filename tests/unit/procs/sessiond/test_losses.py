# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a process is a loss once, and only where nobody has told it to end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfguard.procs.sessiond.losses import Losses


class Ground:
    def __init__(self) -> None:
        self.lost: list[tuple[str, int, int]] = []
        self.losses = Losses(lambda *what: self.lost.append(what))


@pytest.mark.parametrize("channel_first", [True, False])
@pytest.mark.parametrize("asked", [True, False])
def test_the_two_words_come_in_either_order(channel_first: bool, asked: bool) -> None:
    ground = Ground()
    ground.losses.attached("worker", 1)
    for word in ("channel", "process") if channel_first else ("process", "channel"):
        assert ground.lost == []
        if word == "channel":
            ground.losses.channel_ended("worker", 1, 7)
        else:
            ground.losses.process_ended("worker", 1, asked)
    assert ground.lost == ([] if asked else [("worker", 1, 7)])


def test_one_that_ended_before_it_served_says_nothing_of_the_next() -> None:
    ground = Ground()
    ground.losses.process_ended("worker", 0, False)
    ground.losses.attached("worker", 0)
    ground.losses.channel_ended("worker", 0, 1)
    ground.losses.process_ended("worker", 0, True)
    assert ground.lost == []


def test_an_end_that_nobody_explains_is_a_loss() -> None:
    ground = Ground()
    ground.losses.channel_ended("netd", 0, 1)
    ground.losses.attached("netd", 0)
    assert ground.lost == [("netd", 0, 1)]


LIFE = st.tuples(st.sampled_from(["worker", "netd"]), st.integers(0, 1), st.booleans(), st.booleans())


@given(st.lists(LIFE, max_size=12))
def test_as_many_losses_as_lives_that_ended_by_themselves(lives: list[tuple[str, int, bool, bool]]) -> None:
    ground = Ground()
    for number, (peer, slot, asked, channel_first) in enumerate(lives):
        ground.losses.attached(peer, slot)
        if channel_first:
            ground.losses.channel_ended(peer, slot, number)
        ground.losses.process_ended(peer, slot, asked)
        if not channel_first:
            ground.losses.channel_ended(peer, slot, number)
    assert ground.lost == [(peer, slot, number) for number, (peer, slot, asked, _) in enumerate(lives) if not asked]
