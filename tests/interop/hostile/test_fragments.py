# SPDX-License-Identifier: GPL-3.0-or-later
"""DTLS in IP fragments of every shape: what can be put together is one datagram like any other, the rest never was."""

from __future__ import annotations

import pytest

from tests.interop.conftest import Field
from tests.interop.hostile import hellos
from tests.interop.hostile.conftest import Counted
from tests.interop.hostile.raw_datagrams import Datagrams, Member
from tests.interop.hostile.wire import Forger, datagram
from wolfguard.linux.namespace import Topology

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

ME = Topology.CLIENT_V4
SIZE = 1200
# the kernel lets a client's own kernel keep what is incomplete for 30 s; none is waited for


def probe(channel: Datagrams, port: int) -> bytes:
    """A request whose answer is as long, as a UDP datagram."""
    return datagram(channel.seal(b"\x03" + bytes(SIZE)), port)


def answered(channel: Datagrams) -> None:
    assert channel.receive() == (hellos.DATA, b"\x04" + bytes(SIZE))


def test_in_order_and_out_of_order(patient: Field, member: Member, forger: Forger) -> None:
    counted = Counted(patient)
    pieces: list[tuple[int, int | None]] = [(0, 400), (400, 800), (800, None)]
    for parts in (pieces, pieces[::-1], [pieces[1], pieces[2], pieces[0]]):
        forger.fragment(probe(member.datagrams, member.port), parts, ME)
        answered(member.datagrams)
    counted.await_only()


def test_first_fragment_without_a_record(patient: Field, member: Member, forger: Forger) -> None:
    """The program that chooses a worker looks at the whole."""
    whole = probe(member.datagrams, member.port)
    forger.fragment(whole, [(8, 16), (16, None), (0, 8)], ME)
    answered(member.datagrams)


def test_hello_in_fragments(patient: Field, member: Member, forger: Forger) -> None:
    """Its App-ID, which names the worker, is in the last one."""
    counted = Counted(patient)
    whole = datagram(hellos.hello(member.datagrams.app_id), member.port + 1)
    forger.fragment(whole, [(0, 8), (8, 64), (64, None)], ME)
    counted.await_only(datagram_cookie_asked=1)


def test_incomplete(patient: Field, member: Member, forger: Forger) -> None:
    counted = Counted(patient)
    for number in range(200):
        forger.fragment(probe(member.datagrams, member.port)[: 400 + 8 * number], [(0, 400)], ME)
        forger.fragment(probe(member.datagrams, member.port), [(400, None)], ME)
    member.datagrams.echo()
    counted.await_only()


def test_overlaps(patient: Field, member: Member, forger: Forger) -> None:
    """Kernels drop all of a datagram whose fragments overlap (RFC 5722), or else its tag is wrong."""
    whole = probe(member.datagrams, member.port)
    lie = bytes(800)
    forger.fragment(whole, [(0, 400), (200, 800), (800, None)], ME)
    forger.fragment(whole, [(0, 400)], ME)
    forger.piece(lie, 8, more=True, source=ME)
    forger.piece(whole[400:], 400, more=False, source=ME)
    forger.fragment(whole, [(0, 8)], ME)
    forger.piece(lie, 0, more=True, source=ME)
    forger.piece(whole[8:], 8, more=False, source=ME)
    member.datagrams.echo()
    forger.fragment(probe(member.datagrams, member.port), [(0, 800), (800, None)], ME)
    answered(member.datagrams)
    member.ping()


def test_beyond_the_largest(patient: Field, member: Member, forger: Forger) -> None:
    """The end of a datagram that would be longer than any, and one without a beginning."""
    forger.fragment(probe(member.datagrams, member.port), [(0, 400)], ME)
    forger.piece(bytes(1400), 65528, more=False, source=ME)
    forger.piece(bytes(1400), 64000, more=True, source=ME)
    forger.piece(b"", 0, more=True, source=ME)
    member.datagrams.echo()
    member.ping()
