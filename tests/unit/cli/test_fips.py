# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard fips status`: against no gateway, against one, and its exit codes for facts of every level."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.cli.running import fill, running
from tests.unit.fips import good
from tests.unit.fips.good import FACTS, LOSSES
from wolfguard.cli import fips
from wolfguard.cli.root import command
from wolfguard.fips import observe, verdict
from wolfguard.fips.facts import Facts, GatewayState
from wolfguard.fips.steps import Level, Limits


def run(socket: Path, *words: str) -> Result:
    return CliRunner().invoke(command, ["--socket", str(socket), "fips", "status", *words])


def test_without_a_gateway(tmp_path: Path) -> None:
    result = run(tmp_path / "none", "--folder", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert result.output.startswith("FIPS ")
    assert "no gateway runs" in result.output
    assert "Debian" in result.output
    found = json.loads(run(tmp_path / "none", "--folder", str(tmp_path), "--json").output)
    assert found["gateway"] == "not running"
    assert found["verdict"] != "validated"
    assert {step["outcome"] for step in found["steps"]} <= {"met", "not met", "unknown", "error"}
    file = next(step for step in found["steps"] if step["name"] == "file")
    assert file["outcome"] == "met"
    assert found["library"]["sha256"] in file["evidence"]


def test_what_a_gateway_does_not_say_is_unknown(tmp_path: Path) -> None:
    """keyd has said what it has, the others nothing yet; into none of them anybody could look."""
    library, _, _ = observe.library()
    with running(tmp_path) as site:
        fill(site)
        found = fips.ask(site.path, library)
    assert found.state is GatewayState.ANSWERED
    assert [(each.name, each.integrity, each.maps_this_file) for each in found.processes] == [("keyd", "intact", None)]
    assert {"worker/0", "worker/1"} <= set(found.silent)
    judged = verdict.judge(replace(FACTS, gateway=found), Limits())
    assert judged.level is Level.NONE


def test_a_gateway_that_may_not_be_asked(tmp_path: Path) -> None:
    (tmp_path / "socket").mkdir()
    library, _, _ = observe.library()
    found = fips.ask(tmp_path / "socket", library)
    assert found.state is not GatewayState.ANSWERED


def test_this_process_maps_the_file_on_disk(tmp_path: Path) -> None:
    library, _, _ = observe.library()
    assert observe.maps_file(os.getpid(), Path(library.path)) is True
    copy = tmp_path / "libwolfssl.so"
    copy.write_bytes(Path(library.path).read_bytes())
    assert observe.maps_file(os.getpid(), copy) is False
    assert observe.maps_file(1, Path(library.path)) is None
    assert observe.maps_file(os.getpid(), tmp_path / "gone") is None


@pytest.mark.parametrize(
    ("loss", "require", "code"),
    [
        ("", None, 0),
        ("", "validated", 0),
        ("open source", None, 0),
        ("open source", "eval", 6),
        ("evaluation flavour", "eval", 0),
        ("evaluation flavour", "bundle", 6),
        ("gateway not asked", "eval", 7),
        ("revoked", None, 0),
        ("revoked", "bundle", 0),
        ("revoked", "validated", 6),
        ("no gateway runs", None, 0),
        ("no gateway runs", "bundle", 0),
        ("no gateway runs", "validated", 7),
        ("clock not kept", None, 7),
        ("clock not kept", "validated", 7),
        ("no list", None, 7),
    ],
)
def test_exit_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str, require: str | None, code: int) -> None:
    facts: Facts = LOSSES[loss][1](FACTS) if loss else FACTS
    monkeypatch.setattr(fips, "gather", lambda folder, socket: (facts, observe.host()))
    result = run(tmp_path / "none", *(["--require", require] if require else []))
    assert result.exit_code == code, result.output


def test_each_level_has_its_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert set(fips.MEANINGS) == set(Level)
    affirmed = good.declaration(affirmed="user", reference="letter 7")(good.environment(system="Debian 14")(FACTS))
    monkeypatch.setattr(fips, "gather", lambda folder, socket: (affirmed, observe.host()))
    shown = run(tmp_path / "none").output
    assert shown.startswith("FIPS     bundle: ")
    assert "user-affirmed" in shown
    hostile = replace(affirmed, library=replace(affirmed.library, source="a\x1b[2Jb"))
    monkeypatch.setattr(fips, "gather", lambda folder, socket: (hostile, observe.host()))
    assert "\x1b" not in run(tmp_path / "none").output


def test_a_sites_mistakes_are_told(tmp_path: Path) -> None:
    (tmp_path / "declaration.yml").write_text("certificate: many\n")
    (tmp_path / "snapshot-key.pem").write_text("")
    steps = json.loads(run(tmp_path / "none", "--folder", str(tmp_path), "--json").output)["steps"]
    outcomes = {step["name"]: (step["outcome"], step["evidence"]) for step in steps}
    assert outcomes["certificate declared"][0] == "error"
    assert "declaration.yml" in outcomes["certificate declared"][1]
    assert outcomes["list of certificates"][0] == "error"
    assert "signs nothing" in outcomes["list of certificates"][1]
