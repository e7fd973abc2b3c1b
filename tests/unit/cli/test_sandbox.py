# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard sandbox`: golden texts of a small made-up process, and every real one against manifest and profiles."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.unit.cli.test_commands import check_golden
from wolfguard.cli import completion, sandbox
from wolfguard.cli.root import command
from wolfguard.ipc.dispatch import TABLE
from wolfguard.ipc.dispatch_table import EDGES, ROWS
from wolfguard.sandbox import explanation, filters
from wolfguard.sandbox.processes import PROCESSES

MACHINES = ("aarch64", "x86_64")
REQUEST = {"argument": 1, "name": "request", "test": "in", "values": ["FIONBIO", "FIOCLEX"]}
FLAGS = {"argument": 0, "name": "flags", "test": "has", "values": ["CLONE_VM", "CLONE_THREAD"]}
PROTECTION = {"argument": 2, "name": "protection", "test": "lacks", "values": ["PROT_EXEC"]}
LIMIT = {"argument": 2, "name": "new limit", "test": "in", "values": ["ZERO"]}
SAYS = {"in": ["serving"], "descriptors": False}
MADE_UP: dict[str, Any] = {
    "processes": {
        **{
            name: {
                "purpose": "answers",
                "user": f"wolfguard-{name}",
                "count": "one",
                "hears": "nobody",
                "capabilities": [],
                "filter": "small",
                "selinux": "wolfguard_gateway_small_t",
                "landlock": {"read": ["/usr/share/zoneinfo"], "write": ["state"]},
                "rlimits": {"CORE": 0, "NOFILE": 64},
                "descriptors": ["configuration"],
                "channels": [
                    {
                        "with": "supervisor",
                        "kind": "control",
                        "yields": "",
                        "sends": [{"message": "Ready", "in": ["starting"], "descriptors": False}],
                        "receives": [{"message": "Start", "in": ["starting"], "descriptors": True}],
                    },
                    {
                        "with": "netd",
                        "kind": "ipc",
                        "yields": "keyd",
                        "sends": [],
                        "receives": [{"message": "A", **SAYS}],
                    },
                    {"with": "worker", "kind": "sign", "yields": "worker", "sends": [], "receives": []},
                ],
            }
            for name in PROCESSES
        },
        "supervisor": {
            "purpose": "starts the others",
            "user": "root",
            "count": "one",
            "hears": "nobody",
            "capabilities": ["CAP_KILL", "CAP_SETUID"],
            "filter": "none",
            "selinux": "wolfguard_gateway_supervisor_t",
            "landlock": None,
            "rlimits": {},
            "descriptors": [],
            "channels": [],
        },
    },
    "profiles": {
        "small": [
            {"call": "read", "reason": "pipes and sockets", "when": [], "error": ""},
            {"call": "openat", "reason": "opens a file by path", "when": [], "error": "ENOENT"},
            {"call": "ioctl", "reason": "blocking mode", "when": [[REQUEST], [LIMIT, PROTECTION]], "error": ""},
            {"call": "prlimit64", "reason": "looks at limits", "when": [[LIMIT]], "error": "EPERM"},
            {"call": "clone", "reason": "threads", "when": [[FLAGS]], "error": ""},
            {"call": "poll", "reason": "not on this machine", "when": [], "error": ""},
        ]
    },
    "calls": {"aarch64": {"read": 63, "openat": 56, "ioctl": 29, "prlimit64": 261, "clone": 220, "kill": 129}},
}


def wolfguard(*words: str) -> Result:
    return CliRunner().invoke(command, ["sandbox", *words])


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation, "read", lambda: MADE_UP)
    monkeypatch.setattr(filters, "load", lambda name, machine: b"8 bytes." * 3)
    monkeypatch.setattr(filters, "digest", lambda program: "ab" * 32)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sandbox-keyd.txt", ["explain", "keyd"]),
        ("sandbox-keyd.json", ["explain", "keyd", "--json"]),
        ("sandbox-supervisor.txt", ["explain", "supervisor"]),
        ("sandbox-list.txt", ["list"]),
    ],
)
def test_what_is_shown(made_up: None, name: str, words: list[str]) -> None:
    result = wolfguard(*words, "--machine", "aarch64")
    assert result.exit_code == 0, result.output
    check_golden(name, result.output)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("process", sandbox.PROCESS_NAMES)
def test_every_real_process_is_explained(process: str, machine: str) -> None:
    shown = wolfguard("explain", process, "--machine", machine)
    found = json.loads(wolfguard("explain", process, "--machine", machine, "--json").output)
    assert shown.exit_code == 0, shown.output
    for call in found["calls"]:
        assert call["call"] in shown.output
        assert call["reason"] in shown.output
    assert all(peer["with"] in shown.output for peer in found["channels"])


@pytest.mark.parametrize("process", PROCESSES)
def test_the_explanation_is_what_the_process_is_started_with(process: str) -> None:
    rules = PROCESSES[process]
    told = explanation.read()["processes"][process]
    assert told["user"] == rules.user
    assert told["filter"] == rules.filter
    assert tuple(told["descriptors"]) == rules.descriptors
    assert len(told["capabilities"]) == len(rules.capabilities)
    if rules.landlock is None:
        assert told["landlock"] is None
        return
    assert (tuple(told["landlock"]["read"]), tuple(told["landlock"]["write"])) == (
        rules.landlock.read,
        rules.landlock.write,
    )


@pytest.mark.parametrize("process", sandbox.PROCESS_NAMES)
def test_the_explanation_has_every_message_and_channel(process: str) -> None:
    channels = explanation.read()["processes"][process]["channels"]
    sent = {(process, each["with"], item["message"]) for each in channels for item in each["sends"]}
    heard = {(each["with"], process, item["message"]) for each in channels for item in each["receives"]}
    assert sent == {row[:3] for row in ROWS if row[0] == process}
    assert heard == {row[:3] for row in ROWS if row[1] == process}
    joined = {row[1] if row[0] == process else row[0] for row in EDGES if process in row[:2]}
    assert joined <= {each["with"] for each in channels}
    assert all(TABLE.receivable(each["with"], process) for each in channels if each["receives"])


def test_a_filter_that_is_not_the_manifests_is_not_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wolfguard.sandbox.filters.FILTERS", {f"worker.{machine}.bpf": "00" for machine in MACHINES})
    monkeypatch.setattr("wolfguard.cli.sandbox._machine", lambda given, as_json: "x86_64")
    result = wolfguard("explain", "worker")
    assert result.exit_code == 1
    assert "worker.x86_64.bpf is not the manifest's: its SHA-256 is" in result.output


def test_a_machine_without_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    result = wolfguard("explain", "worker")
    assert (result.exit_code, result.output) == (
        1,
        "wolfguard: there are no filters for pdp11; name another --machine\n",
    )


def test_a_package_without_its_explanation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(explanation, "data_file", lambda name: None)
    assert "install the package again" in wolfguard("list").output


def test_completion_knows_the_processes() -> None:
    words = {"COMP_WORDS": "wolfguard sandbox explain w", "COMP_CWORD": "3", completion.VARIABLE: "bash_complete"}
    result = CliRunner(env=words).invoke(command, [], prog_name="wolfguard", complete_var=completion.VARIABLE)
    assert result.output == "plain,worker\n"
