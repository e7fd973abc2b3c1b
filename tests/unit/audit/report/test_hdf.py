# SPDX-License-Identifier: GPL-3.0-or-later
"""HDF beside what its readers ask for (tests/vectors/hdf): every state, with a waiver and with an attestation."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cerberus  # type: ignore[import-untyped]
import pytest
import yaml

from tests.unit.audit import sample
from wolfguard.audit.report import hdf
from wolfguard.audit.result import State

FORM = Path(__file__).parents[3] / "vectors" / "hdf" / "exec_json.yml"
Json = dict[str, Any]


def problems(document: Json) -> dict[str, Any]:
    validator = cerberus.Validator(yaml.safe_load(FORM.read_text("utf-8")), allow_unknown=True)
    validator.validate(document)
    found: dict[str, Any] = validator.errors
    return found


def rendered(state: State | None = None) -> Json:
    """The sample, with each of its findings in one state, or as they are."""
    result = sample.result()
    if state is not None:
        word = sample.result().findings[-1].word or next(each.word for each in result.findings if each.word)
        spoken = word if state in (State.WAIVED, State.PASS) else None
        result = replace(result, findings=tuple(replace(each, state=state, word=spoken) for each in result.findings))
    found: Json = json.loads(hdf.render(result))
    return found


@pytest.mark.parametrize("state", [None, *State])
def test_every_state_is_what_readers_ask_for(state: State | None) -> None:
    assert problems(rendered(state)) == {}


def test_an_attestation_counts_from_the_audit_to_its_end() -> None:
    controls = rendered(State.PASS)["profiles"][0]["controls"]
    attested = [each["attestation_data"] for each in controls]
    assert attested
    assert {each["updated"] for each in attested} == {f"{sample.result().begun:%Y-%m-%d}"}
    assert all(each["frequency"].endswith("d") and int(each["frequency"][:-1]) > 0 for each in attested)


BREAKS: dict[str, Callable[[Json], object]] = {
    "no version": lambda whole: whole.pop("version"),
    "no platform": lambda whole: whole["platform"].pop("release"),
    "no digest": lambda whole: whole["profiles"][0].pop("sha256"),
    "an impact of two": lambda whole: whole["profiles"][0]["controls"][0].update(impact=2),
    "another status": lambda whole: whole["profiles"][0]["controls"][0]["results"][0].update(status="good"),
    "no time": lambda whole: whole["profiles"][0]["controls"][0]["results"][0].pop("start_time"),
    "no place": lambda whole: whole["profiles"][0]["controls"][0].pop("source_location"),
    "a word of nobody": lambda whole: whole["profiles"][0]["controls"][0].update(attestation_data={"status": "passed"}),
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_form_finds_what_is_wrong(name: str) -> None:
    whole = copy.deepcopy(rendered())
    BREAKS[name](whole)
    assert problems(whole)
