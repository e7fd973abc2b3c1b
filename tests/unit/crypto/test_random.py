# SPDX-License-Identifier: GPL-3.0-or-later
"""Lengths, alphabets and limits of random values; that they differ."""

from __future__ import annotations

import re
from threading import Thread

import pytest

from wolfguard.crypto.random import random_below, random_bytes, random_token


@pytest.mark.parametrize("count", [0, 1, 16, 4096, 4097, 65536])
def test_length(count: int) -> None:
    assert len(random_bytes(count)) == count


@pytest.mark.parametrize("count", [-1, 65537])
def test_limits(count: int) -> None:
    with pytest.raises(ValueError, match="65536"):
        random_bytes(count)


def test_a_token_is_opaque_text_of_256_bits() -> None:
    tokens = {random_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(rb"[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_threads_share_the_generator_without_repeats() -> None:
    drawn: list[bytes] = []
    threads = [Thread(target=lambda: drawn.extend(random_bytes(16) for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(drawn)) == 2000


def test_below_reaches_every_number_and_no_other() -> None:
    assert {random_below(5) for _ in range(500)} == {0, 1, 2, 3, 4}
    assert random_below(1) == 0
    with pytest.raises(ValueError, match="at least 1"):
        random_below(0)
