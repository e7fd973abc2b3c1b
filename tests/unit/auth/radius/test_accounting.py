# SPDX-License-Identifier: GPL-3.0-or-later
"""Events as the packets that servers get, seen by a second implementation."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad import packet as oracle  # type: ignore[import-untyped]

from wolfguard.auth.radius import accounting, packet
from wolfguard.auth.radius.dictionary import _dictionary, number
from wolfguard.auth.radius.packet import Packet, decode
from wolfguard.auth.radius.protection import MESSAGE_AUTHENTICATOR, Historic, Token
from wolfguard.crypto.not_approved import hmac_md5, md5
from wolfguard.errors import PeerError
from wolfguard.ipc.accounting import CAUSES, INTERIM, OFF, ON, START, STOP, AccountedTraffic, AccountingEvent
from wolfguard.secret import Secret

SECRET = b"shared between two"
NONCE = bytes(16)
NOW = 1_700_000_100
EVENT = AccountingEvent(
    STOP,
    NOW - 40,
    7,
    "65536000-7",
    "anna",
    "main",
    "staff",
    "192.0.2.7",
    "AnyConnect test",
    "10.99.0.2",
    "2001:db8:99::2",
    NOW - 1040,
    AccountedTraffic(5 * 2**32 + 17, 3, 70, 80),
    "idle-timeout",
    (base64.b64encode(b"one").decode(), base64.b64encode(b"\0two").decode()),
)


def seen(event: AccountingEvent) -> dict[str, list[Any]]:
    sealed = Historic(Secret(SECRET)).request(
        packet.ACCOUNTING_REQUEST, 9, accounting.request(event, nas="gate", now=NOW), NONCE
    )
    read = oracle.AcctPacket(packet=sealed.data, secret=SECRET, dict=_dictionary())
    assert read.VerifyAcctRequest()
    assert read.verify_message_authenticator()
    return {name: read[name] for name in read.keys()}  # noqa: SIM118 - pyrad's own mapping


def test_the_end_of_a_session() -> None:
    read = seen(EVENT)
    del read["Message-Authenticator"]
    assert read == {
        "Acct-Status-Type": ["Stop"],
        "NAS-Identifier": ["gate"],
        "Event-Timestamp": [NOW - 40],
        "Acct-Delay-Time": [40],
        "Acct-Session-Id": ["65536000-7"],
        "User-Name": ["anna"],
        "Acct-Authentic": ["RADIUS"],
        "NAS-Port-Type": ["Virtual"],
        "Called-Station-Id": ["main"],
        "Calling-Station-Id": ["192.0.2.7"],
        "Connect-Info": ["AnyConnect test"],
        "Filter-Id": ["staff"],
        "Framed-IP-Address": ["10.99.0.2"],
        "Framed-IPv6-Address": [ipaddress.IPv6Address("2001:db8:99::2").packed],
        "Framed-IPv6-Prefix": [b"\0\x80" + ipaddress.IPv6Address("2001:db8:99::2").packed],
        "Class": [b"one", b"\0two"],
        "Acct-Session-Time": [1000],
        "Acct-Input-Octets": [17],
        "Acct-Input-Gigawords": [5],
        "Acct-Output-Octets": [3],
        "Acct-Output-Gigawords": [0],
        "Acct-Input-Packets": [70],
        "Acct-Output-Packets": [80],
        "Acct-Terminate-Cause": [4],
    }


def test_a_beginning_has_no_totals_and_a_report_no_cause() -> None:
    start, interim = seen(replace(EVENT, kind=START)), seen(replace(EVENT, kind=INTERIM))
    assert (start["Acct-Status-Type"], interim["Acct-Status-Type"]) == (["Start"], ["Interim-Update"])
    assert not {"Acct-Session-Time", "Acct-Input-Octets", "Acct-Terminate-Cause"} & start.keys()
    assert interim["Acct-Session-Time"] == [1000]
    assert "Acct-Terminate-Cause" not in interim


@pytest.mark.parametrize(("kind", "word"), [(ON, "Accounting-On"), (OFF, "Accounting-Off")])
def test_the_gateway_itself(kind: str, word: str) -> None:
    read = seen(AccountingEvent(kind, NOW))
    assert (read["Acct-Status-Type"], read["Acct-Session-Id"]) == ([word], [f"{kind}-{NOW}"])
    assert "User-Name" not in read


def test_every_cause_has_its_number() -> None:
    assert accounting.TERMINATE_CAUSES.keys() == CAUSES.keys()


def test_a_clock_that_was_set_back_makes_no_negative_delay() -> None:
    assert seen(replace(EVENT, time=NOW + 50))["Acct-Delay-Time"] == [0]


COUNT = st.integers(0, 2**64 - 1)


@given(COUNT, COUNT, st.text(max_size=300), st.text(max_size=400))
def test_numbers_of_64_bits_come_back_whole(received: int, sent: int, user: str, agent: str) -> None:
    traffic = AccountedTraffic(received, sent, 1, 2)
    event = replace(EVENT, kind=INTERIM, traffic=traffic, user=user, user_agent=agent)
    got = decode(Token().request(4, 1, accounting.request(event, nas="gate", now=NOW), NONCE).data)

    def word(name: str) -> int:
        (value,) = got.all(number(name))
        return int.from_bytes(value, "big")

    assert word("Acct-Input-Gigawords") << 32 | word("Acct-Input-Octets") == received
    assert word("Acct-Output-Gigawords") << 32 | word("Acct-Output-Octets") == sent


# --- the confirmation ------------------------------------------------------------------------------------------------


def confirmation(
    sealed_authenticator: bytes, over: bytes, *, secret: bytes = SECRET, authenticated: bool = True
) -> bytes:
    """An Accounting-Response whose Message-Authenticator was made with `over` in the authenticator's place."""
    attributes = ((MESSAGE_AUTHENTICATOR, bytes(16)),) if authenticated else ()
    data = bytearray(packet.encode(Packet(packet.ACCOUNTING_RESPONSE, 9, over, attributes)))
    if authenticated:
        data[22:38] = hmac_md5(secret, bytes(data))
    data[4:20] = sealed_authenticator
    data[4:20] = md5(bytes(data) + secret)
    return bytes(data)


def test_either_way_of_authenticating_a_confirmation_is_taken() -> None:
    historic = Historic(Secret(SECRET))
    sealed = historic.request(packet.ACCOUNTING_REQUEST, 9, (), NONCE)
    for over in (bytes(16), sealed.authenticator):
        data = confirmation(sealed.authenticator, over)
        assert historic.check(decode(data), data, sealed).code == packet.ACCOUNTING_RESPONSE


def test_no_other_confirmation_is() -> None:
    historic = Historic(Secret(SECRET))
    sealed = historic.request(packet.ACCOUNTING_REQUEST, 9, (), NONCE)
    other = historic.request(packet.ACCOUNTING_REQUEST, 9, ((1, b"other"),), NONCE)
    for data, label in (
        (confirmation(other.authenticator, bytes(16)), "radius_forged"),
        (confirmation(sealed.authenticator, bytes(range(16))), "radius_forged"),
        (confirmation(sealed.authenticator, bytes(16), secret=b"a guess"), "radius_forged"),
        (confirmation(sealed.authenticator, bytes(16), authenticated=False), "radius_unauthenticated"),
    ):
        with pytest.raises(PeerError) as caught:
            historic.check(decode(data), data, sealed)
        assert caught.value.label == label
