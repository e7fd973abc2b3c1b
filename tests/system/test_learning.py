# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway that learns says so in its log, records and status, in every life of each process; others do not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.whole_gateway import until
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.linux.namespace import Topology, run
from wolfguard.sandbox import weakening
from wolfguard.sandbox.processes import PROCESSES

# One that needs a backend is not started without it.
RUNNING = [name for name, process in PROCESSES.items() if not process.when]
REASON = weakening.REASONS[weakening.LEARNING]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    topology = Topology.named(f"wgl{os.getpid()}")
    topology.delete()
    topology.add()
    folder = Path(tempfile.mkdtemp(prefix="wolfguard-test-"))
    made = Gateway(Site(folder), topology.gateway)
    made.site.prepare(workers=1)
    yield made
    made.stop()
    topology.delete()
    shutil.rmtree(folder)


def processes(gateway: Gateway) -> dict[str, Any]:
    answer = gateway.site.wolfguard("status", "--json")
    assert answer.returncode == 0, answer.stderr
    return {each["process"]: each for each in json.loads(answer.stdout)["processes"]}


def test_learning_is_said_everywhere(gateway: Gateway) -> None:
    gateway.options = ("--learn", "worker", "--learn", "netd")
    gateway.start()
    facts = {name: each["confinement"]["seccomp"] for name, each in processes(gateway).items()}
    learning = {"worker", "netd"}
    assert facts == {name: weakening.SECCOMP_LEARNING if name in learning else "filter" for name in RUNNING}
    shown = gateway.site.wolfguard("status")
    assert f"weakened   learning: {REASON}" in shown.stdout.splitlines()
    records = [json.loads(line) for line in gateway.site.wolfguard("events", "--json").stdout.splitlines()]
    (record,) = [each for each in records if each["event"] == "gateway.weakened"]
    assert record["fields"] == {"names": "learning"}
    assert f'warning supervisor weakened by=learning text="{REASON}"' in gateway.log.read_text("utf-8")


def test_a_process_that_comes_back_learns_on(gateway: Gateway) -> None:
    gateway.options = ("--learn", "worker")
    gateway.start()
    first = processes(gateway)["worker"]["pid"]
    os.kill(first, signal.SIGKILL)
    until(lambda: processes(gateway)["worker"]["pid"] not in (0, first), "another worker")
    until(lambda: processes(gateway)["worker"]["state"] == "serving", "a worker that serves")
    assert processes(gateway)["worker"]["confinement"]["seccomp"] == weakening.SECCOMP_LEARNING


def test_the_end_leaves_no_watcher(gateway: Gateway) -> None:
    gateway.options = ("--learn", "all")
    gateway.start()
    pids = run("ip", "netns", "pids", gateway.namespace.name).split()
    assert len(pids) > 2 * len(RUNNING)
    assert gateway.stop() == 0
    until(lambda: not run("ip", "netns", "pids", gateway.namespace.name), "nothing left in the namespace")


def test_nobody_learns_who_was_not_asked_to(gateway: Gateway) -> None:
    gateway.start()
    assert {each["confinement"]["seccomp"] for each in processes(gateway).values()} == {"filter"}
    assert "learn" not in gateway.site.wolfguard("status").stdout
