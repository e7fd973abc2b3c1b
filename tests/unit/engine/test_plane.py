# SPDX-License-Identifier: GPL-3.0-or-later
"""The data plane against other people's TLS: OpenSSL as Python's ssl and as s_client, GnuTLS as gnutls-cli."""

from __future__ import annotations

import re
import socket
import ssl
import struct
import subprocess
from collections.abc import Sequence

import pytest

from tests.unit.engine.gateway import HELLO, PATIENCE, WIDE, Gateway, client_context, site
from wolfguard.crypto.authority import Authority
from wolfguard.engine import (
    Closed,
    Data,
    Engine,
    Limits,
    Opened,
    Plane,
    Rates,
    Refused,
    TlsCertificate,
    Tunnel,
    TunnelClosed,
)

TUNNEL = Tunnel(
    session=7,
    epoch=3,
    index=0,
    ipv4=bytes([10, 99, 0, 1]),
    ipv6=bytes.fromhex("20010db8" + "00" * 11 + "01"),
    networks=((bytes([192, 0, 2, 0]), 24),),
    mtu=1400,
    dpd=0,
    keepalive=0,
    rekey=0,
    idle=0,
    lifetime=0,
    record_limit=16_777_216,
)


def run_client(command: Sequence[str], text: bytes = b"") -> str:
    done = subprocess.run(command, input=text, capture_output=True, timeout=PATIENCE, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


def s_client(gateway: Gateway, *options: str) -> str:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-CAfile"]
    return run_client([*command, str(gateway.authority.certificate), "-verify_return_error", *options], HELLO)


@pytest.mark.parametrize(
    ("version", "name", "suite"),
    [
        (ssl.TLSVersion.TLSv1_3, "TLS 1.3", "TLS_AES_256_GCM_SHA384"),
        (ssl.TLSVersion.TLSv1_2, "TLS 1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    ],
)
def test_talk(gateway: Gateway, version: ssl.TLSVersion, name: str, suite: str) -> None:
    with gateway.client(client_context(gateway.authority.certificate, version)) as client:
        opened = gateway.opened(client)
        assert (opened.peer, opened.port) == client.getsockname()
        assert (opened.local, opened.local_port) == ("127.0.0.1", gateway.port)
        assert (opened.site, opened.server_name) == ("main", "vpn.example.test")
        assert (opened.version, opened.suite, opened.signature) == (name, suite, "ecdsa_secp256r1_sha256")
        assert opened.group == "secp256r1"
        assert opened.extended_master_secret is True
        gateway.plane.authenticated(opened.conn)
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        gateway.plane.read(opened.conn)
        assert gateway.next(Data) == Data(opened.conn, b"GET / HTTP/1.1\r\n\r\n")
        gateway.plane.write(opened.conn, b"x" * 100_000, close=True)
        received = b""
        while part := client.recv(65536):
            received += part
        assert received == b"x" * 100_000
        assert gateway.next(Closed) == Closed(opened.conn, "closed")


def test_certificate_by_what_the_client_can_verify(gateway: Gateway) -> None:
    # the names are OpenSSL's own, and changed with its version 3.5
    answer = s_client(gateway, "-tls1_3", "-sigalgs", "RSA-PSS+SHA256")
    assert re.search(r"Peer signature type: (RSA-PSS|rsa_pss)", answer)
    assert gateway.next(Opened).signature == "rsa_pss_rsae_sha256"
    answer = s_client(gateway, "-tls1_3", "-sigalgs", "RSA-PSS+SHA256:ECDSA+SHA256")
    assert re.search("(?i)Peer signature type: ecdsa", answer)
    assert gateway.next(Opened).signature == "ecdsa_secp256r1_sha256"
    assert "ECDHE-RSA-AES256-GCM-SHA384" in s_client(gateway, "-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384")
    assert gateway.next(Opened).suite == "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    assert re.search("(?i)Peer signature type: rsa", s_client(gateway, "-tls1_2", "-sigalgs", "RSA+SHA256"))
    assert gateway.next(Opened).signature == "rsa_pkcs1_sha256"


def test_retry_for_a_group_without_a_share(gateway: Gateway) -> None:
    assert "Verify return code: 0" in s_client(gateway, "-tls1_3", "-groups", "X25519:P-384")
    assert gateway.next(Opened).group == "secp384r1"


def test_no_tickets(gateway: Gateway) -> None:
    for version in ("-tls1_3", "-tls1_2"):
        output = s_client(gateway, version)
        assert "Verify return code: 0" in output
        assert "ession ticket" not in output


@pytest.mark.parametrize(
    ("options", "label", "alert"),
    [
        (("-tls1_3", "-groups", "X25519"), "handshake_no_group", "handshake failure"),
        (("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), "handshake_no_suite", "handshake failure"),
        (("-tls1_2", "-cipher", "AES256-GCM-SHA384"), "handshake_no_suite", "handshake failure"),
        (("-tls1_2", "-sigalgs", "ECDSA+SHA512:RSA+SHA512"), "handshake_no_signature", "handshake failure"),
        (("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"), "handshake_version", "alert protocol version"),
    ],
)
def test_refused(gateway: Gateway, options: tuple[str, ...], label: str, alert: str) -> None:
    assert alert in s_client(gateway, *options)
    assert gateway.next(Refused) == Refused("127.0.0.1", label, 1)
    assert gateway.plane.counters()[label] == 1


def test_no_renegotiation(gateway: Gateway) -> None:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-tls1_2", "-legacy_renegotiation"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdin is not None
        process.stdin.write(HELLO)
        process.stdin.flush()
        opened = gateway.next(Opened)
        gateway.plane.read(opened.conn)
        process.stdin.write(b"R\n")
        process.stdin.flush()
        assert gateway.next(Closed).conn == opened.conn
        process.kill()
    assert gateway.plane.counters()["handshake_ok"] == 1


def test_gnutls(gateway: Gateway) -> None:
    """The library under Debian's openconnect, with its own defaults."""
    command = ["gnutls-cli", "--x509cafile", str(gateway.authority.certificate), "--port", str(gateway.port)]
    for priority in ("NORMAL", "NORMAL:-VERS-TLS1.3"):
        options = ["--verify-hostname", "vpn.example.test", "--sni-hostname", "vpn.example.test"]
        output = run_client([*command, *options, "--priority", priority, "127.0.0.1"], b"hello\n")
        assert "Handshake was completed" in output, output
        opened = gateway.next(Opened)
        assert opened.group == "secp256r1"
        gateway.plane.close(opened.conn)
    command += ["--insecure", "--priority", "NORMAL:-VERS-TLS1.3:%NO_SESSION_HASH", "127.0.0.1"]
    assert "Handshake failed" in run_client(command)
    assert gateway.next(Refused).reason == "handshake_no_ems"


def test_strangers(gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE) as stranger:
        stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert stranger.recv(16) == b""
    assert gateway.next(Refused) == Refused("127.0.0.1", "handshake_not_tls", 1)


def test_one_source_cannot_have_everything(authority: Authority) -> None:
    limits = Limits(
        half_open=100,
        handshakes_per_second=1,
        handshake_burst=2,
        unauthenticated=50,
        handshake_ms=10_000,
        login_ms=10_000,
    )
    gateway = Gateway.start(authority, limits)
    try:
        strangers = [socket.socket() for _ in range(3)]
        for stranger in strangers:
            stranger.connect_ex(("127.0.0.1", gateway.port))  # the third may already be reset when this returns
        assert gateway.next(Refused) == Refused("127.0.0.1", "refused_source_rate", 1)
        for stranger in strangers:
            stranger.close()
    finally:
        gateway.stop()


def test_who_says_nothing_is_not_told_of(gateway: Gateway) -> None:
    with gateway.client(client_context(gateway.authority.certificate)):
        pass
    with gateway.client(client_context(gateway.authority.certificate)) as client:
        second = gateway.opened(client)
        assert second.port == client.getsockname()[1]
    counters = gateway.plane.counters()
    assert (counters["handshake_ok"], counters["closed_silent"]) == (2, 1)


def test_login_time(authority: Authority) -> None:
    limits = Limits(**{**WIDE.native(), "login_ms": 100})
    gateway = Gateway.start(authority, limits)
    try:
        with gateway.client(client_context(authority.certificate)) as client:
            opened = gateway.opened(client)
            assert gateway.next(Closed) == Closed(opened.conn, "login_timeout")
            assert client.recv(1) == b""
    finally:
        gateway.stop()


def test_tunnel(gateway: Gateway) -> None:
    def frame(kind: int, payload: bytes) -> bytes:
        return struct.pack(">4sHBB", b"STF\x01", len(payload), kind, 0) + payload

    with gateway.client(client_context(gateway.authority.certificate)) as client:
        opened = gateway.opened(client)
        gateway.plane.read(opened.conn)
        client.sendall(b"CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\n\r\n")
        assert gateway.next(Data).data.startswith(b"CONNECT")
        gateway.plane.start_tunnel(opened.conn, b"HTTP/1.1 200 CONNECTED\r\n\r\n", TUNNEL)
        assert client.recv(1000) == b"HTTP/1.1 200 CONNECTED\r\n\r\n"
        client.sendall(frame(3, b"probe"))
        assert client.recv(1000) == frame(4, b"probe")
        assert gateway.plane.tunnels() == [(7, 3)]
        assert gateway.plane.counters()["half_open"] == 0
        gateway.plane.end_tunnel(7, 3, b"\xb0bye")
        assert client.recv(1000) == frame(5, b"\xb0bye")
        closed = gateway.next(TunnelClosed)
        assert (closed.session, closed.epoch) == (7, 3)


def test_key_server_restarted(gateway: Gateway) -> None:
    context = client_context(gateway.authority.certificate)
    with gateway.client(context) as client:
        gateway.opened(client)
    gateway.keys.close()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        gateway.client(context)
    assert gateway.next(Refused).reason == "sign_failed"
    before = gateway.keys
    successor = Gateway.start(gateway.authority)
    gateway.keys = successor.keys
    gateway.connect_keys()
    with gateway.client(context) as client:
        gateway.opened(client)
    gateway.keys = before
    successor.stop()


def test_sites_are_replaced_or_kept(gateway: Gateway) -> None:
    context = client_context(gateway.authority.certificate)
    with pytest.raises(ValueError, match="nonsense"):
        gateway.plane.set_sites([site(gateway.authority, groups=("nonsense",))])
    with gateway.client(context) as client:
        assert gateway.opened(client).site == "main"
    gateway.plane.set_sites([site(gateway.authority, name="renewed", versions=("1.2",))])
    with pytest.raises(ssl.SSLError):
        gateway.client(context)
    with gateway.client(client_context(gateway.authority.certificate, ssl.TLSVersion.TLSv1_2)) as client:
        assert gateway.opened(client).site == "renewed"


def test_unknown_connections_are_no_error(gateway: Gateway) -> None:
    for conn in (0, 1, 2**63):
        gateway.plane.read(conn)
        gateway.plane.write(conn, b"x", close=True)
        gateway.plane.close(conn)
        gateway.plane.authenticated(conn)
        gateway.plane.start_tunnel(conn, b"", TUNNEL)
    gateway.plane.end_tunnel(99, 1, None)
    assert gateway.plane.tunnels() == []


def test_facts(gateway: Gateway) -> None:
    facts = gateway.plane.facts()
    assert "secp256r1" in facts["groups"].split()
    assert facts["tickets"] == "off"


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"session": -1}, ValueError, "session"),
        ({"mtu": 100}, ValueError, "mtu"),
        ({"ipv4": b"abc"}, ValueError, "ipv4"),
        ({"ipv6": "::1"}, TypeError, "bytes"),
        ({"networks": [(b"abcd", 33)]}, ValueError, "network"),
        ({"networks": [(b"abcd", 8)] * 33}, ValueError, "networks"),
        ({"networks": ["net"]}, TypeError, "network"),
        ({"dpd": "1"}, TypeError, "dpd"),
    ],
)
def test_wrong_tunnels(change: dict[str, object], error: type[Exception], text: str) -> None:
    engine = Engine(slot=0, tun=-1, listeners=[], datagrams=[], counters=-1, handshake_threads=1, limits=WIDE.native())
    with pytest.raises(error, match=text):
        engine.start_tunnel(1, b"", {**TUNNEL.native(), **change})
    missing = TUNNEL.native()
    del missing["epoch"]
    with pytest.raises(ValueError, match="epoch"):
        engine.start_tunnel(1, b"", missing)


def test_wrong_settings(authority: Authority) -> None:
    def plane(*, listeners: Sequence[int] = (), threads: int = 1, limits: Limits = WIDE) -> Plane:
        return Plane(
            slot=0,
            tun=-1,
            listeners=listeners,
            datagrams=[],
            counters=-1,
            handshake_threads=threads,
            limits=limits,
        )

    with pytest.raises(ValueError, match="half_open"):
        plane(limits=Limits(0, 1, 1, 1, 1, 1))
    with pytest.raises(ValueError, match="threads"):
        plane(threads=0)
    with pytest.raises(OSError, match="listener"):
        plane(listeners=[9999])
    with socket.create_server(("127.0.0.1", 0)) as blocking, pytest.raises(ValueError, match="non-blocking"):
        plane(listeners=[blocking.fileno()])
    made = plane()
    with pytest.raises(ValueError, match="thread"):
        made.set_sign_channel(1, 0)
    with pytest.raises(ValueError, match="limit"):
        made.poll(0)
    with pytest.raises(ValueError, match="tickets"):
        made.set_sites([site(authority, tickets=True)])
    with pytest.raises(ValueError, match="certificate 3"):
        made.set_sites([site(authority, certificates=(TlsCertificate(3, b"x"),))])
    made.start()
    with pytest.raises(ValueError, match="runs already"):
        made.start()
    made.stop()


def test_rates_that_make_no_sense(gateway: Gateway) -> None:
    gateway.plane.set_rates(7, 3, Rates())
    gateway.plane.set_rates(7, 3, Rates(up=1, up_burst=65536))
    for rates in (Rates(up=1, up_burst=65535), Rates(down=1), Rates(down=-1), Rates(up=2**41, up_burst=65536)):
        with pytest.raises(ValueError, match="must be between"):
            gateway.plane.set_rates(7, 3, rates)
