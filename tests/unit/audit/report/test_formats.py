# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports for programs: golden texts of a small audit with everything in it, and what other people's readers say.

OSCAL is validated with NIST's schema by the library jsonschema. Its patterns are those of ECMAScript, which Python's
own regular expressions do not have, so that the keyword is judged by the library regex.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema  # type: ignore[import-untyped]
import pytest
import regex  # type: ignore[import-untyped]

from tests import golden
from tests.unit.audit import sample
from wolfguard.audit import kept
from wolfguard.audit.canonical import canonical
from wolfguard.audit.kept import Kept
from wolfguard.audit.report import hdf, html, junit, oscal
from wolfguard.audit.report.json import document
from wolfguard.audit.result import Audit, State
from wolfguard.policy.controls import read_audit_profile
from wolfguard.policy.rule import Rule

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = Path(__file__).parents[3] / "vectors" / "oscal" / "oscal_assessment-results_schema.json"
WRITERS = {"junit.xml": junit.render, "hdf.json": hdf.render, "oscal-assessment-results.json": oscal.render}

Json = dict[str, Any]


def oscal_problems(content: bytes) -> list[str]:
    """What NIST's schema has against it."""

    def matches(validator: Any, pattern: str, instance: Any, schema: Any) -> Any:
        if isinstance(instance, str) and not regex.search(pattern, instance):
            yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")

    draft = jsonschema.Draft7Validator
    validator = jsonschema.validators.extend(draft, {"pattern": matches})(
        json.loads(SCHEMA.read_bytes()), format_checker=draft.FORMAT_CHECKER
    )
    return [
        f"{list(error.absolute_path)}: {error.message[:300]}" for error in validator.iter_errors(json.loads(content))
    ]


def results(content: bytes) -> Json:
    found: Json = json.loads(content)["assessment-results"]["results"][0]
    return found


def everything(profile: str, state: State) -> Kept:
    """An audit with a real profile in which every rule has this state."""
    chosen = read_audit_profile(profile)
    base = sample.audit()

    def one(rule: Rule) -> Any:
        word = sample.WAIVED if state is State.WAIVED else None
        return replace(base.findings[0], rule=rule, state=state, reason="so", word=word)

    whole = Audit(chosen, "gw", "0.1.0", base.begun, base.ended, tuple(map(one, chosen.rules)), ())
    return kept.read(document(whole), "everything")


def test_what_is_kept_is_what_was_found() -> None:
    audit, result = sample.audit(), sample.result()
    assert kept.parse(canonical(document(audit)), "result.json") == result
    assert [(each.rule, each.state, each.observed) for each in result.findings] == [
        (each.rule.id, each.state, each.observed) for each in audit.findings
    ]
    assert [each.expected for each in result.findings] == [each.rule.expect for each in audit.findings]


@pytest.mark.parametrize("name", WRITERS)
def test_golden(name: str) -> None:
    golden.check(GOLDEN / name, WRITERS[name](sample.result()))


def test_oscal_is_valid() -> None:
    assert oscal_problems(oscal.render(sample.result())) == []


@pytest.mark.parametrize(
    ("profile", "state"),
    [("default", State.FAIL), ("nist-800-53-moderate", State.WAIVED), ("gateway", State.ERROR)],
)
def test_oscal_is_valid_for_real_profiles(profile: str, state: State) -> None:
    assert oscal_problems(oscal.render(everything(profile, state))) == []


def test_oscal_is_valid_without_any_framework() -> None:
    assert oscal_problems(oscal.render(replace(sample.result(), frameworks=()))) == []


def test_the_validator_finds_what_is_wrong() -> None:
    whole = json.loads(oscal.render(sample.result()))
    whole["assessment-results"]["results"][0]["findings"][0]["target"]["target-id"] = "not a token"
    whole["assessment-results"]["uuid"] = "none"
    assert len(oscal_problems(json.dumps(whole).encode())) >= 2


def test_identifiers_of_oscal_name_what_is_there() -> None:
    whole = results(oscal.render(sample.result()))
    observations = {each["uuid"] for each in whole["observations"]}
    risks = {each["uuid"] for each in whole["risks"]}
    assert len(observations) == len(sample.RULES)
    for finding in whole["findings"]:
        assert {each["observation-uuid"] for each in finding["related-observations"]} <= observations
        assert {each["risk-uuid"] for each in finding.get("related-risks", [])} <= risks
    assert oscal.render(sample.result()) == oscal.render(sample.result())


def test_a_control_is_satisfied_only_where_all_of_it_was_seen() -> None:
    states = {
        each["target"]["target-id"]: each["target"]["status"]["state"]
        for each in results(oscal.render(sample.result()))["findings"]
    }
    assert set(states.values()) == {"not-satisfied"}
    assert set(states) == {"ac-7_smt", "au-6_smt", "cm-7_smt", "sc-12.1_smt", "sc-13_smt"}
    passed = results(oscal.render(everything("nist-800-53-moderate", State.PASS)))["findings"]
    coverage = {
        next(prop["value"] for prop in each["props"] if prop["name"] == "coverage"): each["target"]["status"]["state"]
        for each in passed
    }
    assert {coverage.get("covered", "satisfied"), coverage["partly"]} == {"satisfied", "not-satisfied"}


def test_a_waiver_is_a_deviation_that_was_approved() -> None:
    risks = {
        next(prop["value"] for prop in each["props"] if prop["name"] == "rule-id"): each
        for each in results(oscal.render(sample.result()))["risks"]
    }
    assert {name: each["status"] for name, each in risks.items()} == {
        "host/forwarding": "deviation-approved",
        "host/key-file-mode": "open",
        "tls/version": "open",
    }
    assert risks["host/forwarding"]["deadline"] == "2027-03-31T23:59:59Z"


@pytest.mark.parametrize(
    ("framework", "name", "token"),
    [
        ("nist-800-53r5", "AC-17(2)", "ac-17.2"),
        ("nist-800-171r2", "3.13.11", "nist-800-171r2_3.13.11"),
        ("disa-vpn-srg", "SRG-NET-000062-VPN-000200", "SRG-NET-000062-VPN-000200"),
        ("other", "a b/c", "a-b-c"),
    ],
)
def test_names_of_controls_are_those_of_catalogues(framework: str, name: str, token: str) -> None:
    assert oscal.control_id(framework, name) == token


def test_junit_counts_what_its_cases_say() -> None:
    root = ElementTree.fromstring(junit.render(sample.result()))  # noqa: S314 - ours
    cases = root.findall(".//testcase")
    for element in (root, *root.findall("testsuite")):
        found = element.findall(".//testcase")
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.attrib[attribute]) == sum(case.find(tag) is not None for case in found)
        assert int(element.attrib["tests"]) == len(found)
    assert [case.attrib["name"] for case in cases] == [rule.id for rule in sample.RULES]


def test_heimdall_counts_what_does_not_apply_by_its_impact() -> None:
    controls = json.loads(hdf.render(sample.result()))["profiles"][0]["controls"]
    impacts = {each["id"]: each["impact"] for each in controls}
    assert impacts["host/selinux"] == 0.0
    assert impacts["tls/version"] == 0.7
    statuses = {each["id"]: each["results"][0]["status"] for each in controls}
    assert statuses["host/forwarding"] == "failed"
    assert next(each for each in controls if each["id"] == "host/forwarding")["waiver_data"]["run"] is True


@pytest.mark.parametrize("name", WRITERS)
def test_no_control_character_of_a_machine_reaches_a_reader(name: str) -> None:
    text = WRITERS[name](sample.result()).decode()
    assert "u001b" in text or "x1b" in text
    assert [each for each in text if not each.isprintable() and each != "\n"] == []


def deep(levels: int) -> list[Json]:
    """Findings of which the first observed a list in a list in a list."""
    found: list[Json] = document(sample.audit())["findings"]
    for _ in range(levels):
        found[0]["observed"] = [found[0]["observed"]]
    return found


def test_values_are_nested_as_deep_as_they_may_be() -> None:
    result = kept.read({**document(sample.audit()), "findings": deep(16)}, "a file")
    for render in (*WRITERS.values(), html.render):
        assert render(result)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": "wolfguard-audit/9"}, "format"),
        ({"findings": [1]}, "findings"),
        ({"begun": "yesterday"}, "begun"),
        ({"begun": "2026-99-01T00:00:00Z"}, "does not match format"),
        ({"findings": deep(17)}, "nested more than 16 deep"),
    ],
)
def test_what_is_no_result_is_refused(change: Json, complaint: str) -> None:
    with pytest.raises(Exception, match=complaint):
        kept.read({**document(sample.audit()), **change}, "a file")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"format":"wolfguard-audit/1"}', b"{" * 9999])
def test_what_is_no_json_of_ours_is_refused(content: bytes) -> None:
    with pytest.raises(Exception, match="a file: "):
        kept.parse(content, "a file")


def test_what_a_person_attests_is_no_observation() -> None:
    said = replace(sample.result().findings[0], observed="read each Monday", word=sample.WAIVED)
    result = replace(sample.result(), findings=(said,))
    (observation,) = results(oscal.render(result))["observations"]
    assert observation["methods"] == ["INTERVIEW"]
    assert oscal_problems(oscal.render(result)) == []
    control = json.loads(hdf.render(result))["profiles"][0]["controls"][0]
    assert control["attestation_data"]["updated_by"] == "Head of networks"
    assert b"said: read each Monday, attested by Head of networks" in oscal.render(result)
