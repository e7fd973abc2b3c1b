# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that refuses Landlock and locked memory: no gateway without the site's word; with it, one that says so."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.errors import StartError
from wolfguard.linux.namespace import Topology

REFUSING = (sys.executable, "-I", str(Path(__file__).with_name("refusing.py")))
BOTH = ["no-landlock", "unlocked-keys"]

Make = Callable[[list[str], tuple[str, ...]], Gateway]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes a gateway that is allowed some weakenings, to be executed by some program."""
    topology = Topology.named(f"wgtw{os.getpid()}")
    topology.delete()
    topology.add()
    folder = Path(tempfile.mkdtemp(prefix="wolfguard-test-"))
    made: list[Gateway] = []

    def one(allow: list[str], runner: tuple[str, ...]) -> Gateway:
        gateway = Gateway(Site(folder), topology.gateway, runner)
        made.append(gateway)
        gateway.site.prepare(workers=1, confinement={"allow": allow})
        return gateway

    yield one
    for gateway in made:
        gateway.stop()
    topology.delete()
    shutil.rmtree(folder)


def asked(gateway: Gateway, *words: str) -> Any:
    answer = gateway.site.wolfguard(*words, "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def recorded(gateway: Gateway) -> list[dict[str, Any]]:
    answer = gateway.site.wolfguard("events", "--json")
    assert answer.returncode == 0, answer.stderr
    return [record for record in map(json.loads, answer.stdout.splitlines()) if record["event"] == "gateway.weakened"]


@pytest.mark.parametrize(
    ("allow", "complaint"),
    [
        (
            ["no-landlock"],
            r"wolfguard: cannot make the key .*mlock.*confinement: \{allow: \[unlocked-keys\]\}",
        ),
        (
            ["unlocked-keys"],
            r"wolfguard: \w+ cannot start: Landlock is missing: .*confinement: \{allow: \[no-landlock\]\}",
        ),
    ],
)
def test_what_is_not_allowed_ends_the_start(make: Make, allow: list[str], complaint: str) -> None:
    with pytest.raises(StartError, match=complaint):
        make(allow, REFUSING).start()


def test_what_is_allowed_is_done_without_and_said_everywhere(make: Make) -> None:
    gateway = make(BOTH, REFUSING)
    gateway.start()
    status = asked(gateway, "status")
    assert status["weakened"] == BOTH
    assert {each["confinement"]["landlock"] for each in status["processes"] if each["process"] != "supervisor"} == {
        "missing, allowed by the site"
    }
    assert "weakened" in gateway.site.wolfguard("status").stdout
    (record,) = recorded(gateway)
    assert record["fields"] == {"names": "no-landlock,unlocked-keys"}
    log = gateway.log.read_text("utf-8")
    assert all(f"warning supervisor weakened by={word}" in log for word in BOTH)


def test_what_is_allowed_but_granted_is_applied(make: Make) -> None:
    gateway = make(BOTH, ())
    gateway.start()
    status = asked(gateway, "status")
    assert status["weakened"] == []
    (keyd,) = [each for each in status["processes"] if each["process"] == "keyd"]
    assert keyd["confinement"]["key_memory"] == "locked"
    assert keyd["confinement"]["landlock"].startswith("abi ")
    assert recorded(gateway) == []
