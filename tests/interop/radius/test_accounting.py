# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of real openconnect clients as a real FreeRADIUS is told of them, over RADIUS/1.1, while each process on the
way is killed: all of it comes, in order, once, and says what was carried."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.interop import roots
from tests.interop.conftest import Build, Field
from tests.interop.radius import pki
from tests.interop.radius.freeradius import FreeRadius
from tests.interop.radius.test_login import gateway
from tests.system.whole_gateway import Json, asked, sessions, status, until
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import iperf_server, transfer
from wolfguard.linux.namespace import Topology

BUILD = Build(roots.TRIXIE, 4)
Made = tuple[Field, FreeRadius]
INTERVAL = 2
MOVED = 2_000_000
CLASS = "OU=staff;"


@pytest.fixture(scope="module")
def ground(make_gateway: Callable[..., Field], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    certificates = pki.make()
    folder = tmp_path_factory.mktemp("accounting")
    laid = certificates.lay(folder)
    server = FreeRadius(roots.RADIUS11, folder, pki=certificates, version_1_1="allow")
    radius = {
        "servers": [{"address": "127.0.0.1", "port": server.port, "name": pki.SERVER_NAME}],
        **laid,
        "response": 2,
        "accounting": {"interval": INTERVAL, "queue": 50},
    }
    field = gateway(make_gateway, server, radius)
    yield field, server
    field.gateway.stop()
    server.stop()


@pytest.fixture
def made(ground: Made) -> Made:
    """With nothing told yet and nothing waiting."""
    field, server = ground
    if not server.running:
        server.start()
    until(lambda: waiting(field).startswith("0 waiting"), "an empty queue")
    server.forget()
    return ground


def connect(field: Field, clients: list[Client]) -> tuple[Client, Json]:
    client = BUILD.client(field, "alice", "wonder", options=("--authgroup=staff",))
    clients.append(client)
    client.connect()
    (session,) = sessions(field, "alice")
    return client, session


def waiting(field: Field) -> str:
    facts = (asked(field, "status") or {}).get("facts", {})
    return str(facts.get("sessiond", {}).get("accounting corp", ""))


def of(server: FreeRadius, session: Json, kind: str) -> list[dict[str, str]]:
    ending = f"-{session['session']:x}"
    return [
        each for each in server.told() if each["Acct-Status-Type"] == kind and each["Acct-Session-Id"].endswith(ending)
    ]


def heard(server: FreeRadius, session: Json, kind: str) -> dict[str, str]:
    """The one event of this kind, once it came."""
    until(lambda: bool(of(server, session, kind)), f"{kind} of session {session['session']}")
    (event,) = of(server, session, kind)
    return event


def octets(event: dict[str, str], direction: str) -> int:
    return int(event[f"Acct-{direction}-Gigawords"]) << 32 | int(event[f"Acct-{direction}-Octets"])


def carried(field: Field) -> tuple[int, int]:
    """What the client's own device has sent and received."""
    device = json.loads(field.topology.client.run("ip", "-j", "-s", "link", "show", "tun0"))[0]["stats64"]
    return device["tx"]["bytes"], device["rx"]["bytes"]


def chatter(field: Field, count: int) -> None:
    """Packets from the client, some of which come back."""
    field.topology.client.run("ping", "-n", "-q", "-i", "0.05", "-c", str(count), Topology.UPSTREAM_V4)


def ended(field: Field, session: Json) -> Json:
    records = [json.loads(line) for line in field.events().splitlines()]
    (record,) = [each for each in records if (each["event"], each["session"]) == ("session.ended", session["session"])]
    fields: Json = record["fields"]
    return fields


def killed(field: Field, name: str) -> None:
    """SIGKILL; returns when a fresh process serves in its place."""

    def row() -> Json:
        rows = (asked(field, "status") or {"processes": []})["processes"]
        return next((each for each in rows if each["process"] == name), {})

    before = row()
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: row().get("restarts") == before["restarts"] + 1 and row()["state"] == "serving", f"{name} back")


def test_start_reports_and_stop_say_what_was_carried(made: Made, clients: list[Client]) -> None:
    field, server = made
    client, session = connect(field, clients)
    start = heard(server, session, "Start")
    wanted = {
        "User-Name": "alice",
        "Framed-IP-Address": session["ipv4"],
        "Framed-IPv6-Address": session["ipv6"],
        "Framed-IPv6-Prefix": f"{session['ipv6']}/128",
        "Calling-Station-Id": session["peer"],
        "NAS-Identifier": "wolfguard",
        "Class": f"0x{CLASS.encode().hex()}",
    }
    assert {name: start[name] for name in wanted} == wanted
    with iperf_server(field.topology.upstream):
        assert transfer(field.topology.client, Topology.UPSTREAM_V4, size=MOVED, down=False).bytes > MOVED // 20
        assert transfer(field.topology.client, Topology.UPSTREAM_V4, size=MOVED, down=True).bytes > MOVED // 20
    until(lambda: bool(of(server, session, "Interim-Update")), "a report")
    up, down = carried(field)
    client.stop()
    stop = heard(server, session, "Stop")
    assert (stop["Acct-Session-Id"], stop["Acct-Terminate-Cause"]) == (start["Acct-Session-Id"], "User-Request")
    record = ended(field, session)
    assert (octets(stop, "Input"), octets(stop, "Output")) == (record["received_bytes"], record["sent_bytes"])
    assert int(stop["Acct-Input-Packets"]) == record["received_packets"]
    # What the client's kernel says by itself (router solicitations) is not from the session's address, or comes later.
    assert abs(octets(stop, "Input") - up) < 2000
    assert abs(octets(stop, "Output") - down) < 2000
    reports = [octets(each, "Input") for each in of(server, session, "Interim-Update")]
    assert reports == sorted(reports)
    assert reports[-1] <= octets(stop, "Input")
    times = [int(each["Acct-Session-Time"]) for each in of(server, session, "Interim-Update")]
    assert all(time % INTERVAL in (0, 1) for time in times)


@pytest.mark.parametrize("victims", [(), ("authd",), ("sessiond",), ("authd", "sessiond")])
def test_a_server_that_was_away_is_told_all_of_it_once(
    made: Made, clients: list[Client], victims: tuple[str, ...]
) -> None:
    """Also when who keeps the events, or who sends them, dies meanwhile."""
    field, server = made
    client, session = connect(field, clients)
    heard(server, session, "Start")
    server.kill()
    chatter(field, 20)
    client.stop()
    until(lambda: "no server answers" in waiting(field), "an unanswered event")
    for victim in victims:
        killed(field, victim)
    until(lambda: waiting(field).startswith("1 waiting"), "the end that waits")
    server.start()
    stop = heard(server, session, "Stop")
    until(lambda: waiting(field).startswith("0 waiting"), "an empty queue")
    assert octets(stop, "Input") == ended(field, session)["received_bytes"] > 0
    assert len(of(server, session, "Start")) == len(of(server, session, "Stop")) == 1
    assert field.recorded('"accounting.unanswered"')


def test_the_gateway_dies_and_nothing_is_forgotten(made: Made, clients: list[Client]) -> None:
    """One session has ended and its end waits; another lives on with what it had carried."""
    field, server = made
    client, gone = connect(field, clients)
    heard(server, gone, "Start")
    server.kill()
    client.stop()
    until(lambda: waiting(field).startswith("1 waiting"), "the end that waits")
    server.start()
    server_told = heard(server, gone, "Stop")
    assert server_told["Acct-Terminate-Cause"] == "User-Request"
    client, session = connect(field, clients)
    chatter(field, 50)
    before = len(of(server, session, "Interim-Update"))
    until(lambda: len(of(server, session, "Interim-Update")) > before + 1, "a report after the pings")
    counted = octets(of(server, session, "Interim-Update")[-1], "Input")
    assert counted >= 25 * 84
    pids = [each["pid"] for each in status(field)["processes"]]
    assert field.gateway.process is not None
    os.kill(field.gateway.process.pid, signal.SIGKILL)
    field.gateway.process.wait()
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "the end of all children")
    field.gateway.start()
    (again,) = sessions(field, "alice")
    assert again["session"] == session["session"]
    until(lambda: sessions(field, "alice")[0]["state"] == "connected", "the client's return")
    client.stop()
    stop = heard(server, session, "Stop")
    assert counted <= octets(stop, "Input")
    assert len(of(server, session, "Start")) == 1
    # The session lived on, so nothing was said that would have ended it at the server.
    assert not [each for each in server.told() if each["Acct-Status-Type"] == "Accounting-On"]


def test_an_orderly_stop_is_told_before_the_gateway_ends(made: Made, clients: list[Client]) -> None:
    field, server = made
    _, session = connect(field, clients)
    heard(server, session, "Start")
    assert field.gateway.stop() == 0
    kinds = [each["Acct-Status-Type"] for each in server.told() if each["Acct-Status-Type"] != "Interim-Update"]
    assert kinds == ["Start", "Stop", "Accounting-Off"]
    assert of(server, session, "Stop")[0]["Acct-Terminate-Cause"] == "Admin-Reboot"
    field.gateway.start()
    until(lambda: server.told()[-1]["Acct-Status-Type"] == "Accounting-On", "the word of a fresh gateway")
