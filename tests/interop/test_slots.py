# SPDX-License-Identifier: GPL-3.0-or-later
"""Several workers: a client's two channels meet in the one that its address leads to, whichever address it dialled, and
one worker's death is nothing to the clients of the others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import PASSWORD, Field, short_patience
from tests.interop.hostile.raw_datagrams import Member, tunnel
from tests.interop.raw import frame
from tests.interop.status import workers
from tests.system.whole_gateway import until
from wolfguard.cli.demo.client import Client
from wolfguard.linux import steering
from wolfguard.linux.namespace import Topology

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

SLOTS = 4
SOURCES = [f"203.0.113.{last}" for last in range(40, 50)]
SOURCES6 = [f"2001:db8:1::{last:x}:9" for last in range(40, 48)]
SECOND, SECOND6 = "203.0.113.5", "2001:db8:1::5"
NAME = "vpn.example.test"


def slot_of(source: str) -> int:
    return steering.slot_of(b"", ip_address(source), SLOTS)


def of_slot(slot: int) -> str:
    return next(each for each in SOURCES if slot_of(each) == slot)


def addresses(topology: Topology) -> None:
    """More than one for either side."""
    topology.gateway.address("outside", f"{SECOND}/24", f"{SECOND6}/64")
    topology.client.address("eth0", *(f"{each}/24" for each in SOURCES), *(f"{each}/64" for each in SOURCES6))


def edited(**sections: Any) -> Callable[[dict[str, Any]], None]:
    """Four workers whose clients may be silent for long."""

    def edit(document: dict[str, Any]) -> None:
        short_patience("compat", dpd=300)(document)
        document["workers"] = SLOTS
        document.update(sections)

    return edit


@pytest.fixture(scope="module")
def wide(make_gateway: Callable[..., Field]) -> Field:
    """Listens on every address that it has."""
    made = make_gateway(edited(), addresses)
    made.add_user("alice")
    return made


@pytest.fixture
def together() -> Iterator[ExitStack]:
    """Members put here stay until the end of the test."""
    with ExitStack() as stack:
        yield stack


def joined(together: ExitStack, gateway: Field, folder: Path, **where: Any) -> Member:
    member = Member.join(gateway, folder, **where)
    together.callback(member.close)
    return member


@pytest.mark.parametrize(
    ("sources", "address"), [(SOURCES, Topology.GATEWAY_V4), (SOURCES6, Topology.GATEWAY_V6)], ids=["ipv4", "ipv6"]
)
def test_slot_of_the_source(wide: Field, tmp_path: Path, together: ExitStack, sources: list[str], address: str) -> None:
    """Its App-ID begins with the slot, and its keys are known there alone, so that DTLS up says where it is."""
    members = {each: joined(together, wide, tmp_path, source=each, address=address) for each in sources}
    for source, member in members.items():
        session = wide.session(member.inside)
        assert (session["peer"], session["slot"]) == (source, slot_of(source))
        assert member.datagrams.app_id[0] == slot_of(source)
        assert session["datagram"] is not None
        member.ping()
    assert {slot_of(each) for each in sources} == set(range(SLOTS))


def test_real_client_of_every_slot(wide: Field, clients: list[Client]) -> None:
    for slot in range(SLOTS):
        from_address(wide.topology, Topology.GATEWAY_V4, of_slot(slot))
        client = real(wide, clients)
        inside = client.connect()
        client.wait_dtls()
        session = wide.session(inside)
        assert (session["peer"], session["slot"]) == (of_slot(slot), slot)
        client.stop()


def test_real_client_of_another_address(wide: Field, clients: list[Client]) -> None:
    """Its library connects its socket, and would hear nothing that comes from another address than it dialled."""
    client = real(wide, clients, f"https://{NAME}", f"--resolve={NAME}:{SECOND}")
    client.connect()
    client.wait_dtls()


@pytest.mark.parametrize("dialled", [Topology.GATEWAY_V4, SECOND, Topology.GATEWAY_V6, SECOND6])
def test_answers_come_from_where_it_dialled(wide: Field, tmp_path: Path, together: ExitStack, dialled: str) -> None:
    """From one source to all addresses at once, over a listener that has them all."""
    source = SOURCES6[0] if ":" in dialled else SOURCES[0]
    members = [joined(together, wide, tmp_path, source=source, address=dialled) for _ in range(2)]
    for member in members:
        assert member.datagrams.socket.getpeername()[0] == dialled
        member.datagrams.echo()
        member.ping()


def test_listeners_of_single_addresses(make_gateway: Callable[..., Field], tmp_path: Path, together: ExitStack) -> None:
    places = [(Topology.GATEWAY_V4, 443), (SECOND, 8443), (SECOND6, 443)]
    listeners = [{"address": address, "port": port} for address, port in places]
    gateway = make_gateway(edited(listeners=listeners), addresses)
    gateway.add_user("alice")
    for address, port in places:
        for source in (SOURCES6 if ":" in address else SOURCES)[:2]:
            member = joined(together, gateway, tmp_path, source=source, address=address, port=port)
            assert gateway.session(member.inside)["slot"] == slot_of(source)
            member.ping()
    for address, port in ((SECOND, 443), (Topology.GATEWAY_V4, 8443)):
        with pytest.raises(ConnectionRefusedError):
            Member.join(gateway, tmp_path, address=address, port=port)
    gateway.gateway.stop()


def test_steered_by_flow(make_gateway: Callable[..., Field], tmp_path: Path, together: ExitStack) -> None:
    """One address for all clients, as behind a large translator: TLS alone, for UDP could not find its worker."""
    gateway = make_gateway(edited(steer="flow"), addresses)
    gateway.add_user("alice")
    slots = set()
    for _ in range(12):
        tls, head, _ = tunnel(gateway, tmp_path)
        together.callback(tls.close)
        assert "x-dtls-app-id" not in head.lower()
        assert "x-dtls-port" not in head.lower()
        inner = next(line.split()[1] for line in head.splitlines() if line.startswith("X-CSTP-Address:"))
        slots.add(gateway.session(inner)["slot"])
        tls.send(frame(3, b"probe"))
        assert tls.more()[8:13] == b"probe"
    assert len(slots) > 1
    assert gateway.topology.gateway.run("ss", "-Hulpn", "sport", "=", ":443") == ""
    gateway.gateway.stop()


def test_killed_worker(wide: Field, clients: list[Client], tmp_path: Path, together: ExitStack) -> None:
    """Its client returns with its address and both channels; clients of all other slots lose no ping meanwhile."""
    from_address(wide.topology, Topology.GATEWAY_V4, of_slot(1))
    client = real(wide, clients)
    inside = client.connect()
    client.wait_dtls()
    before = wide.session(inside)
    assert before["slot"] == 1
    others = [joined(together, wide, tmp_path, source=of_slot(slot)) for slot in (0, 2, 3)]
    pids = workers(wide.site)
    os.kill(pids[1], signal.SIGKILL)
    number = 0

    def back() -> bool:
        nonlocal number
        number += 1
        for member in others:
            member.ping(number)
        now = wide.session(inside)
        return now["datagram"] is not None and now["connected"] is not None and workers(wide.site).get(1) != pids[1]

    until(back, "the client has both channels again")
    client.wait_dtls()
    for member in others:
        member.ping()
    after = wide.session(inside)
    assert (after["session"], after["slot"], after["ipv4"]) == (before["session"], 1, inside)
    assert {slot: pid for slot, pid in workers(wide.site).items() if slot != 1} == {
        slot: pid for slot, pid in pids.items() if slot != 1
    }


def real(gateway: Field, clients: list[Client], server: str = "", *options: str) -> Client:
    client = Client(
        gateway.topology.client, server or f"https://{Topology.GATEWAY_V4}", gateway.site.authority, "alice",
        (PASSWORD,), options=options, dtls=True,
    )  # fmt: skip
    clients.append(client)
    return client


def from_address(topology: Topology, gateway: str, source: str) -> None:
    """What the client's own kernel chooses a source for comes from this one."""
    topology.client.run("ip", "route", "replace", "203.0.113.0/24", "dev", "eth0", "src", source)
    topology.client.run("ip", "route", "replace", "default", "via", gateway, "src", source)
