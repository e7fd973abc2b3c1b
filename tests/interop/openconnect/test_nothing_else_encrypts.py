# SPDX-License-Identifier: GPL-3.0-or-later
"""Every record on the wire is one call of the module's AEAD, and every call is one record: nothing else encrypts, and
nothing leaves in the clear.

Real clients over TLS 1.3, TLS 1.2 and DTLS 1.2, both directions, from the first byte of the connection. The wire is
seen by a packet socket, the calls by a debugger; what joins them is the associated data, which holds the record's head
(RFC 8446 section 5.2, RFC 5246 section 6.2.3.3, RFC 6347 section 4.1.2.1).
"""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.interop import roots
from tests.interop.ciphers import watched
from tests.interop.conftest import PASSWORD, Build, Field
from tests.interop.openconnect.datagrams import SAID
from tests.interop.pings import read
from tests.interop.record_tap import APPLICATION_DATA, Flow, Record, RecordTap, recorded
from tests.interop.status import workers
from wolfguard.cli.demo.client import Client
from wolfguard.linux.namespace import Topology

CHANGE_CIPHER_SPEC = 20
TAG, EXPLICIT_NONCE = 16, 8
TLS12, DTLS12 = b"\x03\x03", b"\xfe\xfd"
PINGS = 40
MARKER = b"in plain words! "
ONLY_TLS12 = "NORMAL:-VERS-ALL:+VERS-TLS1.2"
CASES = {
    "tls13": (Build(roots.TRIXIE, 4), ()),
    "tls12": (Build(roots.TRIXIE, 4), (f"--gnutls-priority={ONLY_TLS12}",)),
    "dtls12": (Build(roots.OPENSSL, 4), ()),
}


@pytest.fixture(scope="module")
def quiet(make_gateway: Callable[..., Field]) -> Field:
    """A gateway under the default profile, and a client's machine that says nothing of its own accord."""
    made = make_gateway(ground=lambda topology: topology.client.sysctl("net.ipv6.conf.default.disable_ipv6", "1"))
    made.add_user("alice")
    return made


def of_tls13(records: Sequence[Record]) -> Iterator[bytes]:
    """Associated data of what is sealed among the records of one direction."""
    for each in records:
        if each.content == APPLICATION_DATA:
            yield bytes([each.content]) + TLS12 + each.length.to_bytes(2, "big")


def of_tls12(records: Sequence[Record]) -> Iterator[bytes]:
    """Sealed is what follows the change of ciphers, numbered from there."""
    change = [each.content for each in records].index(CHANGE_CIPHER_SPEC)
    for number, each in enumerate(records[change + 1 :]):
        inner = each.length - EXPLICIT_NONCE - TAG
        yield number.to_bytes(8, "big") + bytes([each.content]) + TLS12 + inner.to_bytes(2, "big")


def of_dtls12(records: Sequence[Record]) -> Iterator[bytes]:
    for each in records:
        if each.epoch > 0:
            number = each.epoch.to_bytes(2, "big") + each.number.to_bytes(6, "big")
            inner = each.length - EXPLICIT_NONCE - TAG
            yield number + bytes([each.content]) + DTLS12 + inner.to_bytes(2, "big")


def expected(flows: dict[Flow, list[Record]], *, tls12: bool, to_gateway: bool) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for flow, records in flows.items():
        if flow.to_gateway == to_gateway:
            udp = flow.protocol == socket.IPPROTO_UDP
            found.update(of_dtls12(records) if udp else of_tls12(records) if tls12 else of_tls13(records))
    return found


def holds(tap: RecordTap, words: bytes) -> bool:
    return any(words in frame for frame in tap.frames)


@pytest.mark.parametrize("case", CASES)
def test_records_are_calls_of_the_module(quiet: Field, case: str, clients: list[Client]) -> None:
    build, options = CASES[case]
    datagrams = case == "dtls12"
    client = build.client(quiet, "alice", PASSWORD, dtls=datagrams, options=options)
    clients.append(client)
    pattern = f"ping -n -i 0.02 -s 640 -p {MARKER.hex()} -c {PINGS} {Topology.UPSTREAM_V4}"
    with (
        recorded(quiet.topology.upstream) as behind,
        recorded(quiet.topology.client) as wire,
        watched(workers(quiet.site).values()) as calls,
    ):
        inside = client.connect(limit=60)
        assert not datagrams or client.wait_dtls() in SAID
        quiet.topology.client.run(*pattern.split())
        # ping leaves two round trips after its last word, whatever is still on the way; the answer to one more comes
        # behind all others, and nobody has anything to say after it
        last = quiet.topology.client.run("ping", "-n", "-c", "1", "-W", "10", Topology.UPSTREAM_V4)
        assert read(last).received == 1
    facts = quiet.session(inside)
    assert facts["tls"]["version"] == ("TLS 1.2" if case == "tls12" else "TLS 1.3")
    assert (facts["datagram"] is not None) is datagrams
    flows = wire.flows()
    for calls_made, to_gateway in ((calls.opened, True), (calls.sealed, False)):
        on_the_wire = expected(flows, tls12=case == "tls12", to_gateway=to_gateway)
        assert calls_made == on_the_wire
        pings = sum(count for data, count in on_the_wire.items() if (data[-4:-2] == DTLS12) is datagrams)
        assert pings > PINGS
        print(f"{case}: {on_the_wire.total()} records {'to' if to_gateway else 'from'} the gateway, as many calls")
    assert not calls.others
    # below the module's interface, where the processor has instructions for it, there is not one call more
    has_instructions = re.search(r"(?m)^flags\b.*\saes\s", Path("/proc/cpuinfo").read_text())
    assert calls.core == (calls.sealed.total() + calls.opened.total() if has_instructions else 0)
    # what is looked for is to be seen where it may be, and there alone
    assert holds(behind, MARKER)
    for words in (MARKER, PASSWORD.encode(), b"alice", b"webvpn", b"X-CSTP"):
        assert not holds(wire, words), words
