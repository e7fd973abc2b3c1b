# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders of servers: what they may say, what refuses them whole, and which datagrams may pass."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad import packet as oracle  # type: ignore[import-untyped]

from wolfguard.auth.radius import arrivals, dynamic, packet
from wolfguard.auth.radius.arrivals import Arrivals, Pace
from wolfguard.auth.radius.dictionary import _dictionary, pair
from wolfguard.auth.radius.dynamic import CODES, OrderRefusedError
from wolfguard.auth.radius.packet import Attributes, Packet, decode
from wolfguard.auth.radius.protection import Historic, Token
from wolfguard.errors import PeerError
from wolfguard.ipc import orders
from wolfguard.ipc.factors import Attribute
from wolfguard.ipc.orders import Named, OrderSessions
from wolfguard.secret import Secret

SECRET = b"shared between two"
NONCE = bytes(16)
ID = pair("Acct-Session-Id", "65536000-7")
IPV6 = ipaddress.IPv6Address("2001:db8::2").packed


def wispr(kind: int, rate: int) -> tuple[int, bytes]:
    return 26, (14122).to_bytes(4, "big") + bytes((kind, 6)) + rate.to_bytes(4, "big")


def read(code: int, *attributes: tuple[int, bytes]) -> OrderSessions:
    return dynamic.read(Packet(code, 1, NONCE, attributes), backend="corp", server="192.0.2.10", nas="gate")


def test_a_disconnect_names_sessions_in_any_way() -> None:
    order = read(
        packet.DISCONNECT_REQUEST,
        ID,
        pair("User-Name", "anna"),
        pair("Framed-IP-Address", b"\x0a\x63\0\x02"),
        pair("Framed-IPv6-Address", IPV6),
        pair("Framed-IPv6-Prefix", b"\0\x80" + IPV6),
        pair("Calling-Station-Id", "192.0.2.7"),
        pair("Called-Station-Id", "main"),
        pair("NAS-Identifier", "gate"),
        pair("NAS-IP-Address", b"\x01\x02\x03\x04"),
        pair("Event-Timestamp", 1),
        pair("Proxy-State", b"x"),
        pair("Reply-Message", "Bye."),
    )
    assert order == OrderSessions(
        "corp",
        "192.0.2.10",
        orders.DISCONNECT,
        (
            Named(orders.BY_ID, "65536000-7"),
            Named(orders.BY_USER, "anna"),
            Named(orders.BY_IPV4, "10.99.0.2"),
            Named(orders.BY_IPV6, "2001:db8::2"),
            Named(orders.BY_IPV6, "2001:db8::2"),
            Named(orders.BY_ADDRESS, "192.0.2.7"),
            Named(orders.BY_SITE, "main"),
        ),
        text="Bye.",
    )


def test_a_change_of_everything_that_can_be_changed() -> None:
    order = read(
        packet.COA_REQUEST,
        ID,
        pair("Session-Timeout", 600),
        pair("Idle-Timeout", 60),
        pair("Acct-Interim-Interval", 120),
        pair("Filter-Id", "staff"),
        pair("Class", b"OU=other;"),
        wispr(7, 1_000_000),
        wispr(8, 2_000_000),
    )
    assert order.act == orders.CHANGE
    assert order.group == "staff"
    assert {each.name: each.value for each in order.attributes} == {
        "session-timeout": "600",
        "idle-timeout": "60",
        "interim-interval": "120",
        "class": "T1U9b3RoZXI7",
        "rate-up": "1000000",
        "rate-down": "2000000",
    }


@pytest.mark.parametrize(
    ("code", "attributes", "error"),
    [
        (40, (), orders.MISSING_ATTRIBUTE),
        (43, (ID,), orders.MISSING_ATTRIBUTE),
        (43, (pair("Session-Timeout", 600),), orders.MISSING_ATTRIBUTE),
        (40, (ID, pair("Session-Timeout", 600)), orders.UNSUPPORTED_ATTRIBUTE),
        (43, (ID, pair("Framed-Route", "192.0.2.0/24")), orders.UNSUPPORTED_ATTRIBUTE),
        (43, (ID, (250, b"x")), orders.UNSUPPORTED_ATTRIBUTE),
        (43, (ID, (26, b"\0\0\0\x09\x01\x03x")), orders.UNSUPPORTED_ATTRIBUTE),
        (43, (ID, wispr(3, 5)), orders.UNSUPPORTED_ATTRIBUTE),
        (43, (ID, (26, b"\0\0\x37\x2a\x07\x09x")), orders.INVALID_REQUEST),
        (40, (ID, pair("NAS-Identifier", "another")), orders.NAS_MISMATCH),
        (43, (ID, pair("Service-Type", 17)), orders.UNSUPPORTED_SERVICE),
        (43, (ID, pair("Session-Timeout", 0)), orders.INVALID_VALUE),
        (43, (ID, wispr(7, 0)), orders.INVALID_VALUE),
        (43, (ID, pair("Filter-Id", "two words")), orders.INVALID_VALUE),
        (43, (ID, pair("Filter-Id", "one"), pair("Filter-Id", "two")), orders.INVALID_VALUE),
        (43, (ID, pair("Idle-Timeout", 5), pair("Idle-Timeout", 6)), orders.INVALID_VALUE),
        (40, (pair("Framed-IP-Address", b"abc"),), orders.INVALID_VALUE),
        (40, (pair("Framed-IPv6-Prefix", b"\0\x40" + IPV6[:8]),), orders.INVALID_VALUE),
        (40, (pair("User-Name", b"\xff\xfe"),), orders.INVALID_VALUE),
    ],
)
def test_what_refuses_the_whole_order(code: int, attributes: Attributes, error: str) -> None:
    with pytest.raises(OrderRefusedError) as caught:
        read(code, *attributes)
    assert caught.value.label == error


def test_answers_as_a_second_implementation_sees_them() -> None:
    asked = oracle.CoAPacket(code=43, secret=SECRET, dict=_dictionary(), id=5)
    asked["Acct-Session-Id"] = "x"
    asked["Proxy-State"] = [b"one", b"two"]
    asked.add_message_authenticator()
    data = asked.RequestPacket()
    way = Historic(Secret(SECRET))
    request = way.accept(data)
    for error, code, cause in (("", packet.COA_ACK, None), (orders.NOT_FOUND, packet.COA_NAK, [503])):
        got, attributes = dynamic.answer(request, error)
        reply = asked.CreateReply(packet=way.answer(got, request, attributes))
        assert reply.code == code
        assert asked.VerifyReply(reply)
        assert reply["Proxy-State"] == [b"one", b"two"]
        assert reply.get("Error-Cause") == cause


def test_every_error_has_its_number() -> None:
    labels = {value for name, value in vars(orders).items() if name.isupper() and isinstance(value, str)}
    assert dynamic.ERROR_CAUSES.keys() == labels - {orders.DISCONNECT, orders.CHANGE, *orders.WAYS}


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_request_that_is_not_the_servers_is_refused(code: int) -> None:
    way = Historic(Secret(SECRET))
    good = way.request(code, 1, (ID,), NONCE).data
    assert way.accept(good).attributes == (ID,)
    forged = Historic(Secret(b"a guess")).request(code, 1, (ID,), NONCE).data
    changed = good[:-1] + bytes((good[-1] ^ 1,))
    for data, label in (
        (forged, "radius_forged"),
        (changed, "radius_forged"),
        (good[:-1], "radius_length"),
        (good[:19], "radius_length"),
        (b"", "radius_length"),
        (unauthenticated(code), "radius_unauthenticated"),
    ):
        with pytest.raises(PeerError) as caught:
            way.accept(data)
        assert caught.value.label == label


def unauthenticated(code: int) -> bytes:
    """As RFC 5176 allows and we do not: a true Request Authenticator alone."""
    from wolfguard.crypto.not_approved import md5

    data = packet.encode(Packet(code, 1, NONCE, (ID,)))
    return data[:4] + md5(data + SECRET) + data[20:]


@given(st.sampled_from(sorted(CODES)), st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=253)), max_size=12))
def test_any_proved_request_has_a_meaning_or_an_error(code: int, attributes: list[tuple[int, bytes]]) -> None:
    request = Token().accept(Token().request(code, 7, tuple(attributes), NONCE).data)
    error = ""
    try:
        order = dynamic.read(request, backend="corp", server="s", nas="gate")
        assert order.names
        assert {each.name for each in order.attributes} <= {
            "session-timeout", "idle-timeout", "interim-interval", "class", "rate-up", "rate-down",
        }  # fmt: skip
    except OrderRefusedError as refused:
        error = refused.label
    got, back = dynamic.answer(request, error)
    answered = decode(Token().answer(got, request, back))
    assert answered.code == code + (2 if error else 1)
    assert answered.authenticator[:4] == (7).to_bytes(4, "big")


# --- datagrams -------------------------------------------------------------------------------------------------------


def enter(seen: Arrivals, name: bytes, sent: int | None, now: float) -> bytes | str | None:
    try:
        return seen.enter(name, sent, now)
    except PeerError as error:
        return error.label


def test_the_same_order_is_carried_out_once() -> None:
    seen = Arrivals(300)
    assert enter(seen, b"a", 1000, 1000) is None
    assert enter(seen, b"a", 1000, 1001) == "radius_order_repeated"
    seen.answered(b"a", b"ack")
    assert [enter(seen, b"a", 1000, now) for now in (1002, 1299, 1300)] == [b"ack"] * 3
    # When it is forgotten its time has gone too.
    assert enter(seen, b"a", 1000, 1301) == "radius_order_old"


@pytest.mark.parametrize(
    ("sent", "label"), [(None, "radius_order_undated"), (699, "radius_order_old"), (1301, "radius_order_old")]
)
def test_an_order_of_another_time_is_not_heard(sent: int | None, label: str) -> None:
    assert enter(Arrivals(300), b"a", sent, 1000) == label


def test_an_order_from_the_future_is_remembered_for_as_long_as_it_could_come_back() -> None:
    seen = Arrivals(300)
    assert enter(seen, b"a", 1300, 1000) is None
    seen.answered(b"a", b"ack")
    assert enter(seen, b"a", 1300, 1600) == b"ack"
    assert enter(seen, b"a", 1300, 1601) == "radius_order_old"


def test_memory_is_bounded_and_fails_closed() -> None:
    seen = Arrivals(300)
    for place in range(arrivals.REMEMBERED_MAX):
        assert enter(seen, place.to_bytes(4, "big"), 1000, 1000) is None
    assert enter(seen, b"one more", 1000, 1000) == "radius_order_crowd"
    assert enter(seen, b"one more", 1301, 1301) is None


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 400), st.integers(0, 100)), max_size=40))
def test_nothing_is_ever_carried_out_twice(acts: list[tuple[bytes, int, int]]) -> None:
    seen, now, done = Arrivals(100), 0.0, set[tuple[bytes, int]]()
    for name, sent, step in acts:
        now += step
        # The digest covers the timestamp.
        key = name + sent.to_bytes(4, "big")
        if enter(seen, key, sent, now) is None:
            assert (name, sent) not in done
            done.add((name, sent))
            seen.answered(key, b"ack")


def test_the_pace_lets_bursts_through_and_no_more() -> None:
    pace = Pace(5)
    assert [pace.admit(0) for _ in range(11)] == [True] * 10 + [False]
    assert [pace.admit(1) for _ in range(6)] == [True] * 5 + [False]
    assert [pace.admit(100) for _ in range(11)] == [True] * 10 + [False]


def test_when_an_order_was_sent() -> None:
    stamp = pair("Event-Timestamp", 17)
    for attributes, sent in (((stamp,), 17), ((), None), ((stamp, stamp), None), (((55, b"x"),), None)):
        assert dynamic.sent_at(Packet(40, 1, NONCE, attributes)) == sent


def test_attributes_of_an_order_are_those_of_a_login() -> None:
    order = read(43, ID, wispr(7, 64))
    assert order.attributes == (Attribute("rate-up", "64"),)
