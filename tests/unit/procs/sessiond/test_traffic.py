# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic counters over all slots."""

from __future__ import annotations

import os
import struct

import pytest

from wolfguard.errors import StartError
from wolfguard.procs.sessiond.traffic import Counters, Traffic


def area(places: int) -> int:
    descriptor = os.memfd_create("traffic")
    os.ftruncate(descriptor, places * 64)
    return descriptor


def test_sums_over_slots_for_the_owner_of_the_place_only() -> None:
    first, second, third = area(4), area(4), area(2)
    os.pwrite(first, struct.pack("=6Q", 7, 1, 2, 3, 4, 50), 64)
    os.pwrite(second, struct.pack("=6Q", 7, 10, 20, 30, 40, 40), 64)
    os.pwrite(third, struct.pack("=6Q", 8, 100, 100, 100, 100, 100), 64)
    counters = Counters([first, second, third])
    assert counters.places == 2
    assert counters.of(1, 7) == Traffic(11, 22, 33, 44, 50)
    assert counters.of(3, 7) == Traffic()
    counters.close()


def test_an_empty_area_is_refused() -> None:
    descriptor = os.memfd_create("traffic")
    with pytest.raises(StartError, match="empty"):
        Counters([descriptor])
    os.close(descriptor)
