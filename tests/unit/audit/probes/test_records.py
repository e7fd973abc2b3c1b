# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of the gateway's records and of what takes them away, with trails of the gateway's own making."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.audit.fake_place import FakePlace, see
from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.crypto.digest import sha256
from wolfguard.records.record import GENESIS, make

TREE = Path(__file__).resolve().parents[4]
LOGIN: dict[str, str | int | bool] = {"site": "main", "method": "local", "user_agent": "x", "count": 1}


def trail(count: int = 4) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    previous = GENESIS
    for number in range(1, count + 1):
        record = make(
            sha256,
            number,
            previous,
            1_790_000_000.0 + number,
            "login.failed",
            "failure",
            who="alice",
            where="192.0.2.1",
            reason="password",
            fields=LOGIN,
        )
        previous = record.hash
        found.append(json.loads(record.text))
    return found


def seen(records: Sequence[dict[str, Any]]) -> Observation:
    return see("records", FakePlace(), records=lambda newest: records[-newest:])


def test_a_good_trail() -> None:
    found = seen(trail())
    assert found.problem == ""
    assert {found.part((key,)) for key in ("broken", "unformed", "nameless")} == {()}
    assert found.part(("since_checkpoint",)) == 4
    assert found.part(("lost",)) == 0
    assert seen(trail()[2:]).part(("broken",)) == ()


def test_what_is_wrong_names_the_record() -> None:
    changed = trail()
    changed[1]["who"] = "mallory"
    assert seen(changed).part(("broken",)) == ("2: changed",)
    assert seen([*trail()[:1], *trail()[2:]]).part(("broken",)) == ("2: missing",)
    unsaid = trail()
    unsaid[2]["time"] = ""
    assert seen(unsaid).part(("unformed",)) == ("3: login.failed",)
    somebody = copy.deepcopy(trail(1)[0]) | {"event": "session.ended", "who": ""}
    assert seen([somebody]).part(("nameless",)) == ("1: session.ended",)


def test_no_gateway_and_no_records() -> None:
    assert "no way to the gateway's records" in see("records", FakePlace()).problem
    assert "has no records" in seen([]).problem

    def silent(newest: int) -> Any:
        raise Unobservable("no gateway answers")

    assert see("records", FakePlace(), records=silent).problem == "no gateway answers"


def forwarding(*files: str) -> Observation:
    named = {f"/etc/rsyslog.d/{number}.conf": text for number, text in enumerate(files)}
    return see("forwarding", FakePlace({"/etc/rsyslog.conf": 'module(load="imuxsock")\n', **named}))


def test_the_shipped_configuration_sends_over_tls_and_waits_on_disk() -> None:
    records = (TREE / "rsyslog" / "60-wolfguard-records.conf").read_text()
    name = "collector.example.org"
    assert forwarding(records).seen == {"targets": (name,), "plain": (), "unqueued": ()}
    found = forwarding(records, (TREE / "rsyslog" / "61-wolfguard-machine.conf").read_text())
    assert found.seen == {"targets": (name, name), "machine": (name,), "plain": (), "unqueued": ()}


@pytest.mark.parametrize(
    ("text", "plain", "unqueued"),
    [
        ('action(type="omfwd" target="log.example.org" port="514")', True, True),
        ('action(type="omfwd" target="log.example.org" StreamDriverMode="1" queue.type="disk")', False, False),
        ('action(type="omfwd" target="log.example.org" queue.type="LinkedList" queue.filename="q")', True, False),
        ('action(type="omrelp" target="log.example.org" tls="on" queue.type="LinkedList")', False, True),
        (
            'ruleset(name="a" queue.type="Disk") { }\naction(type="omrelp" target="log.example.org" tls="on")',
            False,
            True,
        ),
        ("*.* @@log.example.org:514", True, True),
    ],
)
def test_ways_to_a_collector(text: str, plain: bool, unqueued: bool) -> None:
    found = forwarding(text)
    (target,) = found.part(("targets",))  # type: ignore[misc]
    assert found.part(("plain",)) == ((target,) if plain else ())
    assert found.part(("unqueued",)) == ((target,) if unqueued else ())
    assert found.part(("machine",)) == (target,)


def test_a_rule_set_of_its_own_does_not_hear_the_machine() -> None:
    assert forwarding('ruleset(name="a") { action(type="omfwd" target="log.example.org") }').part(("machine",)) is None


def test_nothing_is_sent_away() -> None:
    assert forwarding("# *.* @@log.example.org\n*.* /var/log/all\n").part(("targets",)) is None
    assert see("forwarding", FakePlace()).part(("targets",)) is None
    denied = FakePlace({"/etc/rsyslog.conf": ""}, denied=frozenset({"/etc/rsyslog.conf"}))
    assert "cannot be looked at" in see("forwarding", denied).problem
