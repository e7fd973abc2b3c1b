# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server answers to the audit's hellos may be anything: an answer, no answer yet, or NotTlsError, and never more
memory than the limit. How the bytes are cut changes nothing."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from wolfguard.audit.tls.answer import ACCEPTED, FLIGHT_MAXIMUM, Answer, Flight, NotTlsError

RANDOM = bytes(range(32))


def vector(size: int, body: bytes) -> bytes:
    return len(body).to_bytes(size, "big") + body


def record(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + b"\x03\x03" + vector(2, body)


def server_hello(extensions: bytes = b"\x00\x17\x00\x00\xff\x01\x00\x01\x00") -> bytes:
    body = b"\x03\x03" + RANDOM + vector(1, b"") + b"\xc0\x2c\x00" + vector(2, extensions)
    return b"\x02" + vector(3, body)


CERTIFICATE = b"\x0b" + vector(3, vector(3, vector(3, b"leaf") + vector(3, b"issuer")))
KEY_EXCHANGE = b"\x0c" + vector(3, b"\x03\x00\x17" + vector(1, bytes(65)))
DONE = b"\x0e\x00\x00\x00"
MESSAGES = server_hello() + CERTIFICATE + KEY_EXCHANGE + DONE
FLIGHT = record(0x16, MESSAGES)
WHOLE = Answer(
    ACCEPTED, version="1.2", suite="TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", group="secp256r1",
    extended_master_secret=True, secure_renegotiation=True, chain=(b"leaf", b"issuer"),
)  # fmt: skip

cuts = st.lists(st.integers(0, len(FLIGHT)), max_size=8).map(sorted)


def fed(parts: list[bytes]) -> Answer | None:
    flight = Flight()
    for part in parts:
        if (answer := flight.feed(part)) is not None:
            return answer
    return None


def parted(data: bytes, at: list[int]) -> list[bytes]:
    ends = [*at, len(data)]
    return [data[start:end] for start, end in zip([0, *at], ends, strict=True)]


@given(cuts)
def test_however_the_bytes_come(at: list[int]) -> None:
    assert fed(parted(FLIGHT, at)) == WHOLE


@given(st.lists(st.integers(1, len(MESSAGES) - 1), max_size=6, unique=True).map(sorted))
def test_however_messages_lie_in_records(at: list[int]) -> None:
    assert fed([record(0x16, part) for part in parted(MESSAGES, at)]) == WHOLE


@given(st.integers(0, len(FLIGHT) - 1))
def test_a_part_is_no_answer(length: int) -> None:
    assert fed([FLIGHT[:length]]) is None


@given(st.binary(max_size=2000))
def test_anything_at_all(data: bytes) -> None:
    total(data)


@given(st.integers(0, len(FLIGHT) - 1), st.integers(0, 255))
def test_one_byte_wrong(at: int, value: int) -> None:
    total(FLIGHT[:at] + bytes([value]) + FLIGHT[at + 1 :])


@given(st.binary(max_size=400))
def test_any_message(body: bytes) -> None:
    total(record(0x16, body))
    total(record(0x16, server_hello(body[:200])))


def total(data: bytes) -> None:
    with suppress(NotTlsError):
        answer = fed([data])
        assert answer is None or len(str(answer)) < 1000


def test_a_flight_without_an_end() -> None:
    flight = Flight()
    endless = record(0x16, b"\x0b\xff\xff\xff" + bytes(16_000))
    taken = 0
    try:
        while taken < 2 * FLIGHT_MAXIMUM:
            assert flight.feed(endless) is None
            endless = record(0x16, bytes(16_000))
            taken += 16_000
    except NotTlsError:
        assert taken <= FLIGHT_MAXIMUM
    else:
        raise AssertionError("it took everything")
