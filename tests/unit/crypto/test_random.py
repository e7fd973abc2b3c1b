# SPDX-License-Identifier: GPL-3.0-or-later
"""Lengths and limits of random bytes; that they differ."""

from __future__ import annotations

from threading import Thread

import pytest

from wolfguard.crypto.random import random_bytes


@pytest.mark.parametrize("count", [0, 1, 16, 4096, 4097, 65536])
def test_length(count: int) -> None:
    assert len(random_bytes(count)) == count


@pytest.mark.parametrize("count", [-1, 65537])
def test_limits(count: int) -> None:
    with pytest.raises(ValueError, match="65536"):
        random_bytes(count)


def test_threads_share_the_generator_without_repeats() -> None:
    drawn: list[bytes] = []
    threads = [Thread(target=lambda: drawn.extend(random_bytes(16) for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(drawn)) == 2000
