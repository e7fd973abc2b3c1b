# SPDX-License-Identifier: GPL-3.0-or-later
"""DTLS 1.2 under every profile, asked by two TLS libraries and by hand for what it must take and must refuse.

What must come of each offer is worked out from the profile (`datagram_offers`). Every refusal is an alert, told by its
number, and none is silence.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.interop import roots
from tests.interop.conftest import Field
from tests.interop.hostile import hellos
from tests.interop.hostile.hellos import extension, hello_body
from tests.interop.hostile.raw_datagrams import Datagrams
from tests.interop.openconnect.test_tls import offering
from tests.interop.raw import inside
from tests.interop.sweep.conftest import enter
from tests.interop.sweep.datagram_offers import (
    HANDSHAKE_FAILURE,
    INSUFFICIENT_SECURITY,
    PROTOCOL_VERSION,
    SUITES,
    DatagramOffer,
    datagram_offers,
    outcome,
)
from tests.interop.sweep.datagram_stacks import DatagramStack, GnuTlsDatagrams, openssl_datagrams
from tests.interop.sweep.stacks import Unable
from tests.interop.sweep.tunnels import Tunnel, tunnel
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import ping
from wolfguard.linux.namespace import Topology
from wolfguard.policy.load import load_profile

# the blocks of numbers in which IANA has given any
BLOCKS = (0x00, 0x13, 0x56, 0xC0, 0xC1, 0xCC, 0xD0)
SUPPORTED_VERSIONS, HEARTBEAT, RENEGOTIATION_INFO, EXTENDED_MASTER_SECRET = 43, 15, 0xFF01, 23
# what clients put into hellos, and what they have put there: each well formed
MANY = b"".join([
    extension(HEARTBEAT, b"\x01"), extension(1, b"\x02"), extension(5, b"\x01\0\0\0\0"), extension(16, b"\0\x03\x02h2"),
    extension(18), extension(22), extension(EXTENDED_MASTER_SECRET), extension(28, b"\x40\0"), extension(35),
    extension(54, b"\x04cid!"), extension(RENEGOTIATION_INFO, b"\0"), extension(48018, b"\x03old"),
])  # fmt: skip
OLDER_WAY = (
    "X-DTLS-Master-Secret: " + "5" * 96,
    "X-DTLS-CipherSuite: OC-DTLS1_2-AES256-GCM:OC-DTLS1_2-AES128-GCM:AES256-SHA:AES128-SHA:DES-CBC3-SHA",
    "X-DTLS12-CipherSuite: ECDHE-RSA-AES256-GCM-SHA384:AES256-GCM-SHA384:AES128-GCM-SHA256",
)
HYBRIDS = "SecP256r1MLKEM768:SecP384r1MLKEM1024"
PATIENCE = 10.0


@dataclass
class Probe:
    """Hellos by hand in the name of one tunnel. The answer carries the number of what it answers."""

    socket: socket.socket
    app_id: bytes
    number: int = 0

    def ask(self, body: bytes) -> int:
        """0: the hello would do, its sender is asked for the cookie; else the number of the alert. Raises
        TimeoutError."""
        self.number += 1
        said = hellos.message(hellos.CLIENT_HELLO, body)
        self.socket.send(hellos.record(hellos.HANDSHAKE, said, number=self.number))
        while True:
            answer = self.socket.recv(1000)
            if int.from_bytes(answer[5:11], "big") != self.number:
                continue  # a refusal that is said again
            if answer[0] == hellos.HANDSHAKE:
                assert answer[hellos.RECORD_HEAD] == hellos.HELLO_VERIFY_REQUEST
                return 0
            assert answer[0] == hellos.ALERT
            assert answer[hellos.RECORD_HEAD] == 2
            return answer[hellos.RECORD_HEAD + 1]


@pytest.fixture
def named(swept: tuple[str, Field]) -> Iterator[Tunnel]:
    made = tunnel(*swept)
    yield made
    made.close()


@pytest.fixture
def dialled(swept: tuple[str, Field]) -> Iterator[socket.socket]:
    with inside(swept[1].topology.client):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with made:
        made.settimeout(PATIENCE)
        made.connect((Topology.GATEWAY_V4, 443))
        yield made


def sweep(swept: tuple[str, Field], stack: DatagramStack, refusing: Tunnel) -> Counter[str]:
    """Asks for everything; what is to succeed has a session of its own. Raises AssertionError with every offer that
    came out otherwise than it must."""
    profile = load_profile(swept[0])
    counted: Counter[str] = Counter()
    wrong: list[str] = []
    asked: set[DatagramOffer] = set()
    for each in datagram_offers(profile):
        try:
            offer = stack.able(each)
            if offer in asked:
                continue
            asked.add(offer)
            wanted = outcome(profile, offer)
            by = tunnel(*swept) if wanted.suite else refusing
            try:
                found = stack.probe(offer, by)
            finally:
                if by is not refusing:
                    by.close()
        except Unable:
            counted["unable"] += 1
            continue
        counted["taken" if found.suite else "refused"] += 1
        if found != wanted:
            wrong.append(f"{found}, not {wanted}, out of {offer}")
    assert not wrong, "\n".join(wrong)
    return counted


def test_openssl(swept: tuple[str, Field], named: Tunnel) -> None:
    name, field = swept
    counted = sweep(swept, openssl_datagrams(enter(field), roots.make(roots.STACKS)), named)
    print(f"{name}: {dict(counted)}")
    assert counted["taken"] >= 2
    assert counted["refused"] >= 10


def test_gnutls(swept: tuple[str, Field], named: Tunnel) -> None:
    name, field = swept
    counted = sweep(swept, GnuTlsDatagrams(field.topology.client.inside([])), named)
    print(f"{name}: {dict(counted)}")
    assert counted["taken"] >= 2
    assert counted["refused"] >= 5


def test_every_suite_that_has_a_number(swept: tuple[str, Field], named: Tunnel, dialled: socket.socket) -> None:
    profile = load_profile(swept[0])
    probe = Probe(dialled, named.app_id)
    numbers = [block << 8 | low for block in BLOCKS for low in range(256)]
    taken = {number for number in numbers if probe.ask(hello_body(named.app_id, suites=(number,))) == 0}
    assert taken == {SUITES[name] for name in profile.suites_dtls12}
    assert probe.ask(hello_body(named.app_id, suites=sorted(set(numbers) - taken))) == HANDSHAKE_FAILURE


def test_versions_and_the_extended_master_secret(
    swept: tuple[str, Field], named: Tunnel, dialled: socket.socket
) -> None:
    """A hello's own version stands unless the extension names others (RFC 8446 section 4.2.1)."""
    profile = load_profile(swept[0])
    probe = Probe(dialled, named.app_id)
    dtls10, dtls12, dtls13 = b"\xfe\xff", b"\xfe\xfd", b"\xfe\xfc"
    for version, listed, wanted in (
        (dtls12, b"", 0),
        (dtls12, dtls13 + dtls12, 0),
        (dtls12, dtls12 + dtls10, 0),
        (dtls13, b"", PROTOCOL_VERSION),  # no client may say so here (RFC 9147 section 5.3)
        (dtls12, dtls13, PROTOCOL_VERSION),
        (dtls12, dtls10, PROTOCOL_VERSION),
        (dtls10, b"", PROTOCOL_VERSION),
        (dtls10, dtls10, PROTOCOL_VERSION),
    ):
        extensions = extension(EXTENDED_MASTER_SECRET)
        if listed:
            extensions += extension(SUPPORTED_VERSIONS, bytes([len(listed)]) + listed)
        body = version + hello_body(named.app_id, extensions=extensions)[2:]
        assert probe.ask(body) == wanted, (version, listed)
    refusal = INSUFFICIENT_SECURITY if profile.require_extended_master_secret_dtls else 0
    assert probe.ask(hello_body(named.app_id, extensions=extension(RENEGOTIATION_INFO, b"\0"))) == refusal


def test_extensions(swept: tuple[str, Field], named: Tunnel, dialled: socket.socket) -> None:
    """Of all that a hello may bring, two things are answered; no heartbeat, no ticket, no connection ID, no smaller
    records, no other order of encryption and authentication. A heartbeat that comes all the same is passed over."""
    datagrams = Datagrams(dialled, named.key, named.app_id, extensions=MANY)
    datagrams.handshake()
    kinds = hellos.extensions_of(datagrams.server_hello)
    assert EXTENDED_MASTER_SECRET in kinds
    assert kinds <= {EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO}
    datagrams.echo()
    # RFC 6520 section 4: a request of 16 bytes with its padding, and one that promises more than it brings
    for request in (b"\x01\x00\x10" + bytes(32), b"\x01\x40\x00"):
        dialled.send(datagrams.seal(request, kind=24))
    # the next that comes is the answer to this
    datagrams.echo()


def test_the_older_way_is_not_offered(swept: tuple[str, Field], clients: list[Client]) -> None:
    """A master secret of the client's choice and suites by name, as Cisco's clients and old ones want it: nothing is
    said of datagrams, so that such a client makes no try and stays on TLS. By hand and with openconnect."""
    name, field = swept
    made = tunnel(name, field, *OLDER_WAY)
    made.close()
    assert "X-CSTP-MTU" in made.head
    assert "X-DTLS" not in made.head.upper()
    suites = ("--dtls-ciphers=OC-DTLS1_2-AES256-GCM:AES256-SHA", "--dtls12-ciphers=ECDHE-RSA-AES256-GCM-SHA384")
    client = offering(field, f"{HYBRIDS}:P-256", dtls=True, options=suites)
    clients.append(client)
    address = client.connect()
    ping(field.topology.client, Topology.UPSTREAM_V4, count=1)
    assert not client.said("X-DTLS-(Session|App)-ID|DTLS handshake failed|Established DTLS")
    assert field.session(address)["datagram"] is None
