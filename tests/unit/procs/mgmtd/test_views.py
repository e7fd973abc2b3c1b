# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers have the shape that docs/reference/api.yml describes; facts of several workers are told apart."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.running import session
from wolfguard.ipc.life import Fact
from wolfguard.ipc.logins import TlsFacts
from wolfguard.ipc.management import Counter, ProcessStatus, SessionInfo, SupervisorStatus, UserInfo, WorkerStatus
from wolfguard.ipc.tunnels import DTLS12, DatagramFacts
from wolfguard.procs.mgmtd import views

SCHEMAS: dict[str, Any] = yaml.safe_load((Path(__file__).parents[4] / "docs" / "reference" / "api.yml").read_text())[
    "components"
]["schemas"]


@pytest.mark.parametrize(
    ("kind", "described"),
    [
        (SessionInfo, SCHEMAS["Session"]),
        (TlsFacts, SCHEMAS["Session"]["properties"]["tls"]),
        (UserInfo, SCHEMAS["User"]),
        (ProcessStatus, SCHEMAS["Status"]["properties"]["processes"]["items"]),
    ],
)
def test_described_fields(kind: Any, described: dict[str, Any]) -> None:
    assert {field.name for field in dataclasses.fields(kind)} == set(described["properties"])


@pytest.mark.parametrize("protected", [True, False])
def test_datagrams_of_a_session_say_whether_they_are_approved(protected: bool) -> None:
    facts = DatagramFacts(
        DTLS12, "TLS_PSK_WITH_AES_256_GCM_SHA384", extended_master_secret=protected, approved=protected
    )
    shown = views.session(dataclasses.replace(session(1, "alice"), datagram=facts))["datagram"]
    assert shown.keys() == SCHEMAS["Session"]["properties"]["datagram"]["properties"].keys()
    assert (shown["version"], shown["extended_master_secret"], shown["approved"]) == ("DTLS 1.2", protected, protected)
    assert views.session(session(2, "bob", tunnel=False))["datagram"] is None


def test_described_status() -> None:
    worker = WorkerStatus(0, 0, (), ())
    status = views.status(None, None, None, {0: worker})
    assert set(status) == set(SCHEMAS["Status"]["properties"])
    assert set(status["workers"][0]) == set(SCHEMAS["Status"]["properties"]["workers"]["items"]["properties"])
    assert set(status["fips"]) == set(SCHEMAS["Status"]["properties"]["fips"]["properties"])
    assert status["silent"] == ["supervisor", "sessiond", "netd"]


def test_counters_are_summed_and_facts_that_differ_are_all_shown() -> None:
    first = WorkerStatus(0, 0, (Counter("b", 1), Counter("a", 0)), (Fact("gso", "on"), Fact("verdict", "none")))
    second = WorkerStatus(0, 0, (Counter("b", 2), Counter("c", 3)), (Fact("gso", "off"), Fact("verdict", "none")))
    status = views.status(None, None, None, {0: first, 1: second, 2: None})
    assert status["counters"] == {"b": 3, "c": 3}
    assert status["engine"] == {"gso": "on | off", "verdict": "none"}
    assert status["fips"] == {"verdict": "none", "library": "unknown", "meaning": views.NOT_SAID}
    assert status["silent"][-1] == "worker/2"


def test_weakenings_in_force_are_those_that_the_processes_show() -> None:
    missing = Fact("landlock", "missing, allowed by the site")
    keyd = ProcessStatus("keyd", 0, 1, "serving", 0, 0, (missing, Fact("key_memory", "unlocked, allowed by the site")))
    netd = ProcessStatus("netd", 0, 2, "serving", 0, 0, (missing,))
    supervisor = SupervisorStatus("0.1.0", 1, 0, (netd, keyd), ())
    assert views.status(supervisor, None, None, {})["weakened"] == ["no-landlock", "unlocked-keys"]
    assert views.status(None, None, None, {})["weakened"] is None
