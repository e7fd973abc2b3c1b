# SPDX-License-Identifier: GPL-3.0-or-later
"""How large an inner packet may be."""

from __future__ import annotations

import pytest

from wolfguard.protocol.mtu import carries_ipv6, clamp_base, data_mtu


@pytest.mark.parametrize(("base", "clamped"), [(0, 1500), (1, 1280), (1280, 1280), (1500, 1500), (10**9, 9216)])
def test_base(base: int, clamped: int) -> None:
    assert clamp_base(base) == clamped


@pytest.mark.parametrize(
    ("base", "wanted", "outside_ipv6", "expected"),
    [
        (1500, 0, False, 1390),
        (1500, 0, True, 1370),
        (1500, 1390, False, 1390),
        (1500, 1200, False, 1200),
        (1500, 9000, False, 1390),
        (1280, 0, True, 1150),
        (0, 1, False, 576),
        (65535, 65535, False, 9000),
        (-5, -5, True, 1150),
    ],
)
def test_data(base: int, wanted: int, outside_ipv6: bool, expected: int) -> None:
    assert data_mtu(base, wanted, outside_ipv6=outside_ipv6) == expected


def test_ipv6_needs_1280() -> None:
    assert carries_ipv6(1280)
    assert not carries_ipv6(1279)
