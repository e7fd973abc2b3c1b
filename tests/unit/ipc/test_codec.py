# SPDX-License-Identifier: GPL-3.0-or-later
"""The codec refuses what a captured process could send and what a careless programmer could write."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from wolfguard.errors import LocalError, PeerError
from wolfguard.ipc import codec
from wolfguard.ipc.tunnels import DTLS12, DatagramFacts, ListTunnels, LiveTunnel, LiveTunnels, TunnelDatagram
from wolfguard.secret import Secret


@dataclass(frozen=True, slots=True)
class Inner:
    name: str
    flag: bool = False


@dataclass(frozen=True, slots=True)
class Outer:
    number: int
    text: str
    data: bytes
    secret: Secret
    inner: Inner | None
    many: tuple[Inner, ...]
    pair: tuple[str, int]


@dataclass
class Thawed:
    number: int


VALUE = Outer(7, "über", b"\x00\xff", Secret(b"hush"), Inner("a", True), (Inner("b"), Inner("c")), ("x", -1))
TEXT = (
    '{"number":7,"text":"über","data":"AP8=","secret":"aHVzaA==","inner":{"name":"a","flag":true},'
    '"many":[{"name":"b","flag":false},{"name":"c","flag":false}],"pair":["x",-1]}'
)


def test_one_form_on_the_wire() -> None:
    assert codec.encode(VALUE).decode() == TEXT
    assert codec.decode(Outer, TEXT.encode()) == VALUE


def test_none_is_null() -> None:
    data = TEXT.replace('{"name":"a","flag":true}', "null").encode()
    assert codec.decode(Outer, data).inner is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"number":7', '"number":7.0'),
        ('"number":7', '"number":true'),
        ('"number":7', '"number":"7"'),
        ('"number":7', '"number":null'),
        ('"number":7', '"number":NaN'),
        ('"number":7', '"number":18446744073709551616'),
        ('"number":7', '"number":' + "9" * 5000),
        ('"number":7', '"number":7,"number":8'),
        ('"number":7,', ""),
        ('"number":7', '"number":7,"more":1'),
        ('"über"', "5"),
        ('"über"', '"\\ud800"'),
        ('"AP8="', '"AP8"'),
        ('"AP8="', '"A P8="'),
        ('"AP8="', '"ÄP8="'),
        ('{"name":"a","flag":true}', '{"name":"a","flag":1}'),
        ('{"name":"a","flag":true}', "[]"),
        ('["x",-1]', '["x"]'),
        ('["x",-1]', '["x",-1,0]'),
        ('["x",-1]', '{"0":"x"}'),
        ("}", ""),
        ('"über"', "[" * 30000),
    ],
)
def test_anything_off_is_the_peers_fault(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(PeerError) as caught:
        codec.decode(Outer, TEXT.replace(old, new, 1).encode())
    assert caught.value.label == "ipc_malformed"


def test_input_does_not_show_in_the_error() -> None:
    with pytest.raises(PeerError) as caught:
        codec.decode(Outer, TEXT.replace('"aHVzaA=="', '"aHVzaA= hush"').encode())
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_datagrams_of_a_tunnel_on_the_wire() -> None:
    suite = "TLS_PSK_WITH_AES_128_GCM_SHA256"
    notice = TunnelDatagram(7, 3, "up", suite, extended_master_secret=True, reason="")
    text = f'{{"session":7,"epoch":3,"state":"up","suite":"{suite}","extended_master_secret":true,"reason":""}}'
    assert codec.encode(notice).decode() == text
    assert codec.decode(TunnelDatagram, text.encode()) == notice
    assert codec.decode(LiveTunnel, b'{"session":7,"epoch":3,"datagram":null}') == LiveTunnel(7, 3)


def test_the_longest_page_of_tunnels_is_one_message() -> None:
    facts = DatagramFacts(DTLS12, "TLS_PSK_WITH_AES_256_GCM_SHA384", extended_master_secret=False)
    tunnel = LiveTunnel(codec.INTEGER_HIGHEST, codec.INTEGER_HIGHEST, facts)
    codec.encode(LiveTunnels((tunnel,) * ListTunnels().limit, codec.INTEGER_HIGHEST))


def test_bytes_that_are_not_utf8() -> None:
    with pytest.raises(PeerError, match="ipc_malformed"):
        codec.decode(Inner, b'{"name":"\xff","flag":false}')


def test_limits_at_both_ends() -> None:
    with pytest.raises(PeerError, match="ipc_oversized"):
        codec.decode(Inner, b" " * 101, limit=100)
    with pytest.raises(LocalError, match="send it in pages"):
        codec.encode(Inner("x" * 100), limit=100)


@pytest.mark.parametrize(
    "value",
    [
        Inner(5),  # type: ignore[arg-type]
        Inner("a", 1),  # type: ignore[arg-type]
        Inner("\ud800"),
        Outer(2**64, "", b"", Secret(b""), None, (), ("", 0)),
        Outer(1, "", bytearray(), Secret(b""), None, (), ("", 0)),  # type: ignore[arg-type]
        Outer(1, "", b"", b"", None, (), ("", 0)),  # type: ignore[arg-type]
        Outer(1, "", b"", Secret(b""), None, [], ("", 0)),  # type: ignore[arg-type]
        Outer(1, "", b"", Secret(b""), None, (), ("",)),  # type: ignore[arg-type]
        Thawed(1),
    ],
)
def test_a_wrong_field_is_our_fault(value: object) -> None:
    with pytest.raises(LocalError):
        codec.encode(value)
