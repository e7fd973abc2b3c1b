# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers are reserved on disk before they are given."""

from __future__ import annotations

import pytest

from wolfguard.procs.sessiond.sequence import BLOCK, Sequence
from wolfguard.store.interface import PutValue, StoreError


def test_nothing_is_given_before_it_is_reserved_on_disk() -> None:
    sequence = Sequence("epochs")
    with pytest.raises(StoreError, match="not been writable"):
        sequence.take()
    sequence.durable(sequence.change().value)
    assert sequence.take() == (1, False)


def test_reservations_run_ahead_and_a_restart_begins_above_them() -> None:
    sequence = Sequence("epochs", 100)
    assert sequence.change() == PutValue("epochs", 100 + BLOCK)
    sequence.durable(100 + BLOCK)
    asked = [sequence.take() for _ in range(BLOCK)]
    assert asked[0] == (101, False)
    assert asked[-1] == (100 + BLOCK, True)
    stored = sequence.change().value
    assert stored == 100 + 2 * BLOCK
    with pytest.raises(StoreError):
        sequence.take()
    sequence.durable(stored)
    assert sequence.take()[0] == 101 + BLOCK
    assert Sequence("epochs", stored).change().value > stored
