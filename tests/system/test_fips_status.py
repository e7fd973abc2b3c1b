# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard fips status` beside a gateway at work: what its processes map counts, not what the file is alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import Field
from tests.system.processes import entries
from wolfguard import _native

LIBRARY = Path(_native.library_path()).resolve()
AGREE, SEEN = "running processes agree", "every process seen"


@pytest.fixture(scope="module")
def serving(make_gateway: Callable[..., Field]) -> Field:
    return make_gateway()


def steps(field: Field, *before: str) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """The report, and its steps by name; `before` are words in front of the command."""
    command = [sys.executable, "-I", "-m", "wolfguard.cli", "--socket", str(field.site.control), "fips", "status"]
    answer = subprocess.run([*before, *command, "--json"], check=True, capture_output=True, text=True)
    document: dict[str, Any] = json.loads(answer.stdout)
    return document, {step["name"]: step for step in document["steps"]}


def mapping(field: Field) -> set[str]:
    """Processes of the gateway that map libwolfssl, by the kernel's word."""
    pids = {name: entry["pid"] for name, entry in entries(field).items()}
    return {name for name, pid in pids.items() if "libwolfssl" in Path(f"/proc/{pid}/maps").read_text()}


def test_every_process_that_computes_was_looked_into(serving: Field) -> None:
    document, found = steps(serving)
    computing = mapping(serving)
    assert {"keyd", "worker/0"} <= computing
    assert document["gateway"] == "answered"
    for name in (AGREE, SEEN):
        assert found[name]["outcome"] == "met", found[name]
        assert set(found[name]["evidence"].split(", ")) == computing
    assert found["file"]["outcome"] == "met"
    assert document["library"]["sha256"] in found["file"]["evidence"]
    assert found["self-tests"]["outcome"] == "met"
    shown = serving.site.wolfguard("fips", "status").stdout
    assert shown.startswith(f"FIPS     {document['verdict']}: ")
    assert AGREE in shown


def test_a_file_that_nobody_runs_counts_for_nothing(serving: Field, tmp_path: Path) -> None:
    """The same bytes in another file: this command finds it good, and the processes have mapped another one."""
    copy = tmp_path / LIBRARY.name
    copy.write_bytes(LIBRARY.read_bytes())
    exchanged = f'mount --bind {copy} {LIBRARY} && exec "$@"'
    document, found = steps(serving, "unshare", "--mount", "--propagation", "private", "sh", "-c", exchanged, "sh")
    assert found["file"]["outcome"] == "met"
    assert found[AGREE]["outcome"] == "not met"
    for name in mapping(serving):
        assert f"{name} maps another file than the one on disk" in found[AGREE]["evidence"]
    assert document["verdict"] == "none"


def test_without_the_gateway_its_processes_are_not_known(serving: Field) -> None:
    serving.gateway.stop()
    document, found = steps(serving)
    assert document["gateway"] == "not running"
    assert found[SEEN]["outcome"] == "unknown"
    result = serving.site.wolfguard("fips", "status", "--require", "validated")
    assert result.returncode in (6, 7)
