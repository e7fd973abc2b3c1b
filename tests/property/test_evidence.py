# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is done to a signed bundle, it is sound no more; whatever is fed, there is a verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.audit.evidence.test_verify import FILES, KEY, made, verified
from wolfguard.audit import kept
from wolfguard.errors import ConfigurationError

WHOLE = made()
places = st.integers(0, len(WHOLE) - 1)


@given(places, st.integers(1, 255))
def test_one_byte_that_was_changed(place: int, by: int) -> None:
    changed = bytearray(WHOLE)
    changed[place] ^= by
    assert verified(bytes(changed)).verdict == "unsound"


@given(places, places)
def test_a_part_that_was_taken_out(one: int, other: int) -> None:
    begin, end = sorted((one, other))
    report = verified(WHOLE[:begin] + WHOLE[end + 1 :])
    assert report.verdict == "unsound"
    assert report.found


@given(places, st.binary(min_size=1, max_size=40))
def test_something_that_was_put_in(place: int, more: bytes) -> None:
    assert verified(WHOLE[:place] + more + WHOLE[place:]).verdict == "unsound"


@given(st.permutations(WHOLE.splitlines(keepends=True)))
def test_lines_in_another_order(lines: list[bytes]) -> None:
    content = b"".join(lines)
    assert verified(content).verdict == ("sound" if content == WHOLE else "unsound")


@given(st.binary(max_size=300))
def test_any_bytes_have_a_verdict(content: bytes) -> None:
    assert verified(content, FILES, KEY).verdict == "unsound"
    with pytest.raises(ConfigurationError, match=r"any bytes: "):
        kept.parse(content, "any bytes")
