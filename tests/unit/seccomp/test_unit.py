# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit from a template: what is filled in, and what is refused."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from generator import unit
from generator.manifest import read_manifest

TREE = Path(__file__).resolve().parents[3]
MANIFEST = read_manifest(TREE / "seccomp")
TEMPLATE = "systemd/wolfguard-gateway.service.in"
CALLS = "systemd/system-calls.yml"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the generator reads, to be spoilt."""
    for folder in ("seccomp", "systemd"):
        shutil.copytree(TREE / folder, tmp_path / folder, ignore=shutil.ignore_patterns("generated", "__pycache__"))
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_the_largest_limit_of_a_process_is_the_units() -> None:
    assert "\nLimitNOFILE=524288\n" in unit.unit(TREE, MANIFEST)


def test_long_directives_become_several_lines() -> None:
    text = unit.unit(TREE, MANIFEST)
    assert max(map(len, text.splitlines())) <= 120
    assert text.count("\nSystemCallFilter=") > 1


def test_calls_of_children_and_of_the_supervisor_are_there() -> None:
    calls = unit.system_calls(TREE).split()
    # of the worker's profile, answered with an error by all, of the supervisor
    assert {"recvmmsg", "clone3", "pidfd_send_signal"} <= set(calls)
    assert calls == sorted(set(calls))


def test_a_call_needs_a_reason(tree: Path) -> None:
    edit(tree / CALLS, "listen: listeners for clients, the management socket", "listen:")
    with pytest.raises(ValueError, match=r"system-calls.yml: supervisor: listen needs a reason"):
        unit.system_calls(tree)


@pytest.mark.parametrize(("old", "new"), [("@LIMIT_CORE@", "0"), ("@LIMIT_CORE@", "@LIMIT_CORE@ @LIMIT_FUN@")])
def test_the_template_names_exactly_what_is_known(tree: Path, old: str, new: str) -> None:
    edit(tree / TEMPLATE, old, new)
    with pytest.raises(ValueError, match=r"service.in: LIMIT_(CORE|FUN) must stand there and be known here"):
        unit.unit(tree, MANIFEST)


def test_the_supervisor_must_have_what_its_children_get() -> None:
    processes = tuple(
        dataclasses.replace(process, capabilities=()) if process.name == "supervisor" else process
        for process in MANIFEST.processes
    )
    with pytest.raises(ValueError, match="netd has CAP_NET_ADMIN, which the supervisor has not to give"):
        unit.capabilities(dataclasses.replace(MANIFEST, processes=processes))


def test_every_process_has_the_limits_that_the_units_come_from() -> None:
    processes = tuple(dataclasses.replace(process, rlimits=()) for process in MANIFEST.processes)
    with pytest.raises(ValueError, match="every process needs the limit NOFILE"):
        unit.unit(TREE, dataclasses.replace(MANIFEST, processes=processes))
