# SPDX-License-Identifier: GPL-3.0-or-later
"""authd's backend tells events to real FreeRADIUS and to servers that lie: what is confirmed was heard, and nothing
else is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.interop import roots
from tests.interop.radius import backend, pki
from tests.interop.radius.fault_server import UdpFaults
from tests.interop.radius.freeradius import SECRET, FreeRadius, free_port
from wolfguard.auth.radius import packet
from wolfguard.auth.radius.dictionary import number
from wolfguard.auth.radius.packet import decode
from wolfguard.auth.radius.protection import Historic
from wolfguard.ipc.accounting import (
    INTERIM,
    OFF,
    ON,
    START,
    STOP,
    AccountedTraffic,
    AccountingEvent,
    AccountingSent,
    NumberedEvent,
)
from wolfguard.procs.authd.radius import RadiusBackend
from wolfguard.secret import Secret

TRAFFIC = AccountedTraffic(3 * 2**32 + 5, 7, 11, 13)


def event(kind: str, session: int = 1) -> AccountingEvent:
    if kind in (ON, OFF):
        return AccountingEvent(kind, 1_700_000_000)
    return AccountingEvent(
        kind,
        1_700_000_000,
        session,
        f"6553f100-{session:x}",
        "anna",
        "main",
        address="192.0.2.7",
        ipv4="10.99.0.2",
        ipv6="2001:db8:99::2",
        began=1_699_999_000,
        traffic=TRAFFIC,
        cause="idle-timeout" if kind == STOP else "",
        classes=("AGNsYXNz",),
    )


def tell(made: RadiusBackend, *events: AccountingEvent) -> list[AccountingSent]:
    """Each by itself, in order."""

    async def run() -> list[AccountingSent]:
        try:
            return [await made.account([NumberedEvent(place, each)]) for place, each in enumerate(events)]
        finally:
            made.close()

    return asyncio.run(run())


ALL = (event(ON), event(START), event(INTERIM), event(STOP), event(OFF))


@pytest.fixture(scope="module")
def certificates() -> pki.Pki:
    return pki.make()


@pytest.fixture(params=["udp", "radius/1.1", "radius/1.0"])
def made(
    request: pytest.FixtureRequest, tmp_path: Path, certificates: pki.Pki
) -> Iterator[tuple[RadiusBackend, FreeRadius]]:
    """The gateway's side and a server, for each way that accounting goes."""
    match request.param:
        case "udp":
            server = FreeRadius(roots.RADIUS12, tmp_path)
        case "radius/1.1":
            server = FreeRadius(roots.RADIUS11, tmp_path, pki=certificates, version_1_1="allow")
        case _:
            server = FreeRadius(roots.RADIUS13, tmp_path, pki=certificates)
    server.start()
    with backend.keyd(tmp_path, certificates) as keyd:
        if request.param == "udp":
            yield backend.udp(server.port, accounting=[server.accounting]), server
        else:
            profile = "fips-hybrid" if request.param == "radius/1.1" else "compat"
            yield backend.tls(keyd, certificates, [server.port], profile=profile), server
    server.stop()


def test_every_event_is_heard_and_confirmed(made: tuple[RadiusBackend, FreeRadius]) -> None:
    ours, server = made
    assert tell(ours, *ALL) == [AccountingSent((place,)) for place in range(len(ALL))]
    kinds = [each["Acct-Status-Type"] for each in server.told()]
    assert kinds == ["Accounting-On", "Start", "Interim-Update", "Stop", "Accounting-Off"]
    stop = server.told()[3]
    wanted = {
        "Acct-Session-Id": "6553f100-1",
        "User-Name": "anna",
        "NAS-Identifier": "wolfguard",
        "Framed-IP-Address": "10.99.0.2",
        "Framed-IPv6-Address": "2001:db8:99::2",
        "Framed-IPv6-Prefix": "2001:db8:99::2/128",
        "Calling-Station-Id": "192.0.2.7",
        "Class": "0x00636c617373",
        "Acct-Session-Time": "1000",
        "Acct-Input-Octets": "5",
        "Acct-Input-Gigawords": "3",
        "Acct-Output-Octets": "7",
        "Acct-Terminate-Cause": "Idle-Timeout",
    }
    assert {name: stop[name] for name in wanted} == wanted


def test_a_crowd_at_once(made: tuple[RadiusBackend, FreeRadius]) -> None:
    ours, server = made

    async def run() -> AccountingSent:
        try:
            return await ours.account([NumberedEvent(place, event(STOP, place + 1)) for place in range(300)])
        finally:
            ours.close()

    assert asyncio.run(run()) == AccountingSent(tuple(range(300)))
    assert {each["Acct-Session-Id"] for each in server.told()} == {f"6553f100-{place + 1:x}" for place in range(300)}


def test_a_server_that_is_away_confirms_nothing_and_the_next_is_told() -> None:
    nobody = free_port(socket.SOCK_DGRAM)
    (answer,) = tell(backend.udp(1, accounting=[nobody], response=1), event(STOP))
    assert (answer.done, answer.unfit) == ((), ())
    assert answer.reason in ("timeout", "unreachable")
    with UdpFaults(lambda asked: [confirmed(asked)]) as server:
        made = backend.udp(1, accounting=[nobody, server.port], response=1)
        assert tell(made, event(STOP)) == [AccountingSent((0,))]


def confirmed(asked: bytes, secret: bytes = SECRET, code: int = packet.ACCOUNTING_RESPONSE) -> bytes:
    return Historic(Secret(secret)).answer(code, decode(asked), ())


FAULTS: dict[str, tuple[Callable[[bytes], Sequence[bytes]], str]] = {
    "forged": (lambda asked: [confirmed(asked, b"a guess")], "radius_forged"),
    "cut": (lambda asked: [confirmed(asked)[:-1]], "radius_length"),
    "accept": (lambda asked: [confirmed(asked, code=packet.ACCESS_ACCEPT)], "radius_code"),
    "echo": (lambda asked: [asked], "radius_code"),
    "bare": (lambda asked: [bare(asked)], "radius_unauthenticated"),
}


def bare(asked: bytes) -> bytes:
    from wolfguard.crypto.not_approved import md5

    head = bytes((packet.ACCOUNTING_RESPONSE, asked[1], 0, 20))
    return head + md5(head + asked[4:20] + SECRET)


@pytest.mark.parametrize("name", FAULTS)
def test_a_false_confirmation_is_none(name: str, caplog: pytest.LogCaptureFixture) -> None:
    fault, label = FAULTS[name]
    with UdpFaults(fault) as server:
        (answer,) = tell(backend.udp(1, accounting=[server.port], response=1), event(STOP))
    assert answer == AccountingSent((), reason="timeout")
    assert f"reason={label}" in caplog.text


def test_what_is_sent_again_is_the_same_and_a_new_try_says_its_delay() -> None:
    """Within a try the packet keeps its number and its bytes; another try is another request (RFC 2866 section 5.2)."""
    heard: list[bytes] = []

    def third(asked: bytes) -> Sequence[bytes]:
        heard.append(asked)
        return [confirmed(asked)] if len(set(heard)) == 2 else []

    with UdpFaults(third) as server:
        made = backend.udp(1, accounting=[server.port], response=3)

        async def run() -> list[AccountingSent]:
            try:
                return [await made.account([NumberedEvent(1, event(STOP))]) for _ in range(2)]
            finally:
                made.close()

        first, second = asyncio.run(run())
    assert (first.done, second.done) == ((), (1,))
    assert len(heard) >= 3
    assert heard[0] == heard[1]
    one, other = decode(heard[0]), decode(heard[-1])
    assert one.number != other.number
    (delay,), (later,) = one.all(number("Acct-Delay-Time")), other.all(number("Acct-Delay-Time"))
    assert int.from_bytes(delay, "big") < int.from_bytes(later, "big")
    for name in ("Event-Timestamp", "Acct-Session-Id", "Acct-Session-Time"):
        assert one.all(number(name)) == other.all(number(name))
