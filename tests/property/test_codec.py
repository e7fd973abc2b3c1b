# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a message holds comes back equal; whatever arrives is a message or the peer's fault."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfguard.config.site import Configuration, Listener
from wolfguard.errors import LocalError, PeerError
from wolfguard.ipc import codec, packet
from wolfguard.ipc.dispatch import NAMES
from wolfguard.ipc.life import Failed
from wolfguard.ipc.logins import LoginAnswer
from wolfguard.ipc.messages import Message, Notice, Reply, Request

KINDS = [
    kind
    for kind in NAMES.values()
    if isinstance(kind, type) and issubclass(kind, Message) and kind not in (Message, Notice, Reply, Request)
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.integers(codec.INTEGER_LOWEST, codec.INTEGER_HIGHEST)


def built(kind: type[Any]) -> st.SearchStrategy[Any]:
    st.register_type_strategy(str, TEXTS)
    st.register_type_strategy(int, INTEGERS)
    return st.builds(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_message_comes_back_equal(kind: type[Message]) -> None:
    @given(built(kind))
    def check(message: Message) -> None:
        assert codec.decode(kind, codec.encode(message, 10**7), 10**7) == message

    check()


@given(st.builds(Listener, address=TEXTS, port=st.integers(1, 65535)), TEXTS)
def test_the_configuration_travels_too(listener: Listener, prefix: str) -> None:
    value = Configuration((listener,), (), tun_prefix=prefix)
    assert codec.decode(Configuration, codec.encode(value)) == value


@given(st.binary(max_size=200))
def test_bytes_from_anywhere_are_a_packet_or_a_peer_error(data: bytes) -> None:
    with suppress(PeerError):
        packet.parse(data)


@given(JSON)
def test_json_from_anywhere_is_a_message_or_a_peer_error(value: Any) -> None:
    data = json.dumps(value).encode()
    with suppress(PeerError):
        assert json.loads(codec.encode(codec.decode(LoginAnswer, data))) == value


@given(st.text())
def test_text_is_sent_or_refused_before_sending(text: str) -> None:
    try:
        data = codec.encode(Failed(text))
    except LocalError:
        assert any("\ud800" <= character <= "\udfff" for character in text)
    else:
        assert codec.decode(Failed, data).text == text
