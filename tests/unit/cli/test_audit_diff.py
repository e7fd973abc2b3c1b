# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit diff` and `history`: words, exit codes, and every form in which a result can lie there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.unit.audit import sample
from wolfguard.audit.canonical import canonical
from wolfguard.audit.report.json import document
from wolfguard.cli import audit_output
from wolfguard.cli.audit_subject import beside
from wolfguard.cli.root import command


def run(*words: object) -> Result:
    return CliRunner().invoke(command, ["audit", *(str(word) for word in words)])


def kept(file: Path, moment: str = "2026-11-26T12:00:00Z", **states: str) -> Path:
    """A result with these states, by the names of rules with "_" for "-"."""
    found: dict[str, Any] = {**document(sample.audit()), "begun": moment}
    for finding in found["findings"]:
        name = finding["rule"].partition("/")[2].replace("-", "_")
        finding["state"] = states.get(name, finding["state"])
    file.write_bytes(canonical(found))
    return file


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return kept(tmp_path / "a.json")


def test_no_difference(before: Path) -> None:
    result = run("diff", before, before)
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "no difference, 8 the same")


def test_better_and_worse(before: Path, tmp_path: Path) -> None:
    after = kept(tmp_path / "b.json", "2026-11-27T12:00:00Z", lock_out="fail", version="pass")
    result = run("diff", before, after)
    assert result.exit_code == 6
    lines = result.output.splitlines()
    assert lines[-1] == "1 worse, 1 better, 6 the same"
    assert lines.index("Worse (1)") < lines.index("Better (1)")
    assert "  high    tls/version: Version as the site says" in lines
    found = json.loads(run("diff", before, after, "--json").output)
    assert found["counts"]["worse"] == 1
    assert [(each["kind"], each["rule"]) for each in found["changes"]] == [
        ("worse", "auth/lock-out"),
        ("better", "tls/version"),
    ]


def test_what_is_not_seen_any_more_is_no_improvement(before: Path, tmp_path: Path) -> None:
    result = run("diff", before, kept(tmp_path / "b.json", version="error"))
    assert result.exit_code == 7
    assert "Could not be looked at any more (1)" in result.output


def test_what_a_machine_said_does_not_reach_the_terminal(before: Path, tmp_path: Path) -> None:
    result = run("diff", before, kept(tmp_path / "b.json", key_file_mode="pass"), "--all")
    assert result.exit_code == 0
    assert "\x1b" not in result.output


def test_a_folder_a_bundle_and_a_result_are_the_same(before: Path, tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    audit_output.prepare(folder, as_json=False)
    audit_output.write(folder, sample.audit(), beside(tmp_path / "none.sock"))
    for place in (folder, folder / "bundle.jsonl", folder / "result.json"):
        assert run("diff", before, place).exit_code == 0


def test_history(tmp_path: Path) -> None:
    kept(tmp_path / "monday.json", "2026-11-23T12:00:00Z", version="pass")
    kept(tmp_path / "tuesday.json", "2026-11-24T12:00:00Z")
    kept(tmp_path / "wednesday.json", "2026-11-25T12:00:00Z")
    (tmp_path / "notes.txt").write_text("not a result")
    result = run("history", tmp_path)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split()[-1] for line in lines[1:4]] == ["monday.json", "tuesday.json", "wednesday.json"]
    assert "1 worse" in lines[2]
    assert "no difference" in lines[3]
    assert "  since 2026-11-24 12:00  high    tls/version" in lines
    assert "  since 2026-11-23 12:00  low     host/forwarding (accepted)" in lines
    found = json.loads(run("history", tmp_path, "--json").output)
    assert [each["counts"]["fail"] for each in found["runs"]] == [1, 2, 2]


def test_the_history_of_several_machines(tmp_path: Path) -> None:
    """Each run has a folder with one folder a machine and the summary of all, which is no result itself."""
    for day, moment in (("monday", "2026-11-23T12:00:00Z"), ("tuesday", "2026-11-24T12:00:00Z")):
        for host in ("gw1", "gw2"):
            (tmp_path / day / host).mkdir(parents=True)
            kept(tmp_path / day / host / "result.json", moment)
        (tmp_path / day / "summary.json").write_text("{}")
    result = run("history", tmp_path)
    assert result.exit_code == 0, result.output
    names = [line.split()[-1] for line in result.output.splitlines()[1:5]]
    assert sorted(names) == ["monday/gw1", "monday/gw2", "tuesday/gw1", "tuesday/gw2"]
    assert run("history", tmp_path / "tuesday").exit_code == 0


def test_what_cannot_be_read_is_named(before: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    os.mkfifo(tmp_path / "pipe.json")
    result = run("history", tmp_path)
    assert result.exit_code == 7
    assert "broken.json: it is no result of an audit" in result.output
    assert run("diff", before, tmp_path / "broken.json").exit_code == 1
    assert "which is not read" in run("diff", before, tmp_path / "pipe.json").stderr


def test_an_empty_folder(tmp_path: Path) -> None:
    assert run("history", tmp_path).output == "no audit is here\n"
    assert run("history", tmp_path / "none").exit_code == 1
