# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that lie, stammer, break off and are somebody else: the login is refused, or the true reply decides."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.interop.radius import backend, pki
from tests.interop.radius.backend import step
from tests.interop.radius.fault_server import Fault, TlsFaults, UdpFaults
from tests.interop.radius.freeradius import SECRET, free_port
from wolfguard.auth.radius import packet
from wolfguard.auth.radius.dictionary import pair
from wolfguard.auth.radius.packet import Packet, decode, encode
from wolfguard.auth.radius.protection import Historic
from wolfguard.config import chain_rules
from wolfguard.crypto.client import SignChannel
from wolfguard.ipc.factors import ACCEPT, REJECT, UNAVAILABLE, FactorAnswer
from wolfguard.procs.authd.radius import RadiusBackend
from wolfguard.secret import Secret

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

PASSWORD = "wonder and nothing else"


def ask(made: RadiusBackend) -> FactorAnswer:
    async def run() -> FactorAnswer:
        try:
            return await made.step(step("alice", PASSWORD))
        finally:
            made.close()

    return asyncio.run(run())


def accept(request: bytes, secret: bytes = SECRET) -> bytes:
    return Historic(Secret(secret)).answer(packet.ACCESS_ACCEPT, decode(request), ())


def reject(request: bytes) -> bytes:
    return Historic(Secret(SECRET)).answer(packet.ACCESS_REJECT, decode(request), ())


def unauthenticated(request: bytes) -> bytes:
    """What servers before the repair of CVE-2024-3596 send: a true Response Authenticator and nothing more."""
    from wolfguard.crypto.not_approved import md5

    asked = decode(request)
    data = encode(Packet(packet.ACCESS_ACCEPT, asked.number, asked.authenticator, ()))
    return data[:4] + md5(data + SECRET)


def replayed() -> Fault:
    """The accept for the first request, for all later ones too."""
    kept: list[bytes] = []

    def fault(request: bytes) -> Sequence[bytes]:
        kept.append(accept(request))
        return [kept[0]]

    return fault


UDP_FAULTS: dict[str, tuple[Callable[[bytes], Sequence[bytes]], str]] = {
    "forged": (lambda asked: [accept(asked, b"a guess")], "radius_forged"),
    "no authenticator": (lambda asked: [unauthenticated(asked)], "radius_unauthenticated"),
    "cut": (lambda asked: [accept(asked)[:-1]], "radius_length"),
    "empty attribute": (lambda asked: [accept(asked)[:2] + b"\0\x16" + bytes(16) + b"\x12\0"], "radius_attribute"),
    "other number": (lambda asked: [accept(asked[:1] + bytes((asked[1] ^ 1,)) + asked[2:])], "radius_unasked"),
    "request": (lambda asked: [asked], "radius_code"),
    "noise": (lambda asked: [b"\xff" * 4096, b"", b"x"], "radius_length"),
}


@pytest.mark.parametrize("name", UDP_FAULTS)
def test_a_false_reply_is_no_reply(name: str, caplog: pytest.LogCaptureFixture) -> None:
    fault, label = UDP_FAULTS[name]
    with UdpFaults(fault) as server:
        answer = ask(backend.udp(server.port, response=1))
    assert (answer.state, answer.reason, answer.message) == (UNAVAILABLE, "timeout", "")
    assert f"reason={label}" in caplog.text
    assert PASSWORD not in caplog.text
    assert not any(PASSWORD.encode() in heard for heard in server.heard)


def test_the_true_reply_after_false_ones_decides() -> None:
    def fault(asked: bytes) -> Sequence[bytes]:
        return [accept(asked, b"a guess"), unauthenticated(asked), accept(asked)[:-1], reject(asked), accept(asked)]

    with UdpFaults(fault) as server:
        assert ask(backend.udp(server.port)).state == REJECT


def test_a_replayed_accept_accepts_nobody() -> None:
    fault = replayed()

    async def run(made: RadiusBackend) -> list[str]:
        states = [(await made.step(step("alice", PASSWORD))).state for _ in range(2)]
        made.close()
        return states

    with UdpFaults(fault) as server:
        assert asyncio.run(run(backend.udp(server.port, response=1))) == [ACCEPT, UNAVAILABLE]


def test_what_is_lost_is_sent_again() -> None:
    seen: list[bytes] = []

    def fault(asked: bytes) -> Sequence[bytes]:
        seen.append(asked)
        return [accept(asked)] if len(seen) > 1 else []

    with UdpFaults(fault) as server:
        assert ask(backend.udp(server.port, response=3)).state == ACCEPT
    assert seen[0] == seen[1]


def test_every_request_begins_with_a_message_authenticator() -> None:
    with UdpFaults(lambda asked: [accept(asked)]) as server:
        ask(backend.udp(server.port))
    assert [heard[20:22] for heard in server.heard] == [bytes((80, 18))]


# --- over TLS --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates() -> pki.Pki:
    return pki.make()


@pytest.fixture
def keyd(tmp_path: Path, certificates: pki.Pki) -> Iterator[SignChannel]:
    with backend.keyd(tmp_path, certificates) as channel:
        yield channel


def token_reply(asked: bytes, code: int = packet.ACCESS_ACCEPT, change: int = 0) -> bytes:
    token = (int.from_bytes(asked[4:8], "big") ^ change).to_bytes(4, "big")
    return encode(Packet(code, 0, token + bytes(12), (pair("Reply-Message", "hello"),)))


def test_a_good_server_is_taken(keyd: SignChannel, certificates: pki.Pki, tmp_path: Path) -> None:
    with TlsFaults(tmp_path, certificates.server, certificates.authority, lambda asked: [token_reply(asked)]) as server:
        answer = ask(backend.tls(keyd, certificates, [server.port]))
    assert (answer.state, answer.message) == (ACCEPT, "hello")
    (heard,) = server.heard
    assert PASSWORD.encode() in heard
    assert not decode(heard).all(80)


def test_a_defect_in_the_look_at_a_chain_ends_one_connection(
    keyd: SignChannel, certificates: pki.Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*given: object) -> None:
        monkeypatch.undo()
        raise RuntimeError("a defect")

    async def run(made: RadiusBackend) -> str:
        monkeypatch.setattr(chain_rules, "of_server", defect)
        with pytest.raises(RuntimeError, match="a defect"):
            await made.step(step("alice", PASSWORD))
        try:
            return (await made.step(step("alice", PASSWORD))).state
        finally:
            made.close()

    with TlsFaults(tmp_path, certificates.server, certificates.authority, lambda asked: [token_reply(asked)]) as server:
        assert asyncio.run(run(backend.tls(keyd, certificates, [server.port]))) == ACCEPT
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    ("fault", "label"),
    [
        (lambda asked: [token_reply(asked, change=1)], "radius_unasked"),
        (lambda asked: [token_reply(asked, packet.DISCONNECT_ACK)], "radius_code"),
        (lambda asked: [token_reply(asked, packet.PROTOCOL_ERROR)], "radius_protocol_error"),
        (lambda asked: [b"\x02\0\0\x05"], "radius_length"),
        (lambda asked: [token_reply(asked)[:25]], ""),
        (lambda asked: [token_reply(asked, change=1)] * 100, "radius_unasked"),
    ],
    ids=["token", "code", "protocol error", "length", "cut", "many"],
)
def test_a_false_reply_over_tls(
    fault: Fault,
    label: str,
    keyd: SignChannel,
    certificates: pki.Pki,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with TlsFaults(tmp_path, certificates.server, certificates.authority, fault) as server:
        answer = ask(backend.tls(keyd, certificates, [server.port], response=1))
    assert answer.state == UNAVAILABLE
    assert label in caplog.text
    assert PASSWORD not in caplog.text


def nothing(asked: bytes) -> Sequence[bytes]:
    return []


def refused(
    keyd: SignChannel, ours: pki.Pki, theirs: pki.Pki, tmp_path: Path, *, trusted: pki.Pki | None = None, **how: object
) -> str:
    """The reason for which nothing was sent to this server."""
    authority = (trusted or theirs).authority
    with TlsFaults(tmp_path, theirs.server, authority, nothing, **how) as server:  # type: ignore[arg-type]
        answer = ask(backend.tls(keyd, ours, [server.port], response=3))
    assert answer.state == UNAVAILABLE
    assert server.heard == []
    return answer.reason


def test_a_server_of_another_authority(keyd: SignChannel, certificates: pki.Pki, tmp_path: Path) -> None:
    assert refused(keyd, certificates, pki.make(), tmp_path) == "tls_chain"


def test_a_server_of_another_name(keyd: SignChannel, tmp_path: Path, certificates: pki.Pki) -> None:
    other = pki.make("other.example.test")
    ours = pki.Pki(other.authority, other.server, certificates.client)
    assert refused(keyd, ours, other, tmp_path) == "tls_name"


def test_a_certificate_whose_time_is_over(keyd: SignChannel, tmp_path: Path, certificates: pki.Pki) -> None:
    old = pki.make(days=-3)
    ours = pki.Pki(old.authority, old.server, certificates.client)
    assert refused(keyd, ours, old, tmp_path) == "tls_chain"


def test_a_clients_certificate_is_no_servers(keyd: SignChannel, tmp_path: Path, certificates: pki.Pki) -> None:
    swapped = pki.Pki(certificates.authority, certificates.client, certificates.client)
    assert refused(keyd, certificates, swapped, tmp_path) in ("tls_chain", "tls_name")


def test_a_server_without_tls_1_3(keyd: SignChannel, certificates: pki.Pki, tmp_path: Path) -> None:
    assert refused(keyd, certificates, certificates, tmp_path, tls12=True) in ("tls_version", "tls_alert", "tls_failed")


@pytest.mark.parametrize("protocols", [("radius/1.0",), ()])
def test_a_server_that_wants_md5(
    protocols: Sequence[str], keyd: SignChannel, certificates: pki.Pki, tmp_path: Path
) -> None:
    reason = refused(keyd, certificates, certificates, tmp_path, protocols=protocols)
    assert reason in ("tls_protocol", "tls_alert")


def test_a_server_that_does_not_know_us_says_so(keyd: SignChannel, tmp_path: Path, certificates: pki.Pki) -> None:
    """In TLS 1.3 its refusal comes after our own handshake is done; the login ends at once all the same."""
    begin = time.monotonic()
    reason = refused(keyd, certificates, certificates, tmp_path, trusted=pki.make())
    # the last where the connection's end was noticed before the alert had been read for this login
    assert reason in ("tls_record", "tls_closed", "closed")
    assert time.monotonic() - begin < 4


def test_nobody_is_there(keyd: SignChannel, certificates: pki.Pki, caplog: pytest.LogCaptureFixture) -> None:
    import socket

    with caplog.at_level(logging.INFO):
        answer = ask(backend.tls(keyd, certificates, [free_port(socket.SOCK_STREAM)]))
    assert (answer.state, answer.reason) == (UNAVAILABLE, "unreachable")
    assert "radius_unreachable" in caplog.text


def test_a_server_that_takes_connections_and_says_nothing(keyd: SignChannel, certificates: pki.Pki) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        begin = time.monotonic()
        answer = ask(backend.tls(keyd, certificates, [silent.getsockname()[1]], response=1))
    assert (answer.state, answer.reason) == (UNAVAILABLE, "timeout")
    assert time.monotonic() - begin < 3


def test_keyd_is_away(certificates: pki.Pki, tmp_path: Path) -> None:
    reason = refused(SignChannel(), certificates, certificates, tmp_path)
    assert reason == "tls_own_key"
