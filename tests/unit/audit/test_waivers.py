# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers accept an observed failure for a time, and nothing else; those without effect are named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from wolfguard.audit.result import Finding, State
from wolfguard.audit.waivers import Kind, Spoken, apply, read
from wolfguard.errors import ConfigurationError
from wolfguard.policy.rules import read_rule

RULE = read_rule("host/swap-encrypted")
TODAY = date(2026, 11, 26)
GOOD = Spoken(Kind.WAIVER, RULE.id, "", "the laboratory has no secrets", "J. Doe, security", date(2026, 12, 31))
TEXT = """
waivers:
  - rule: host/swap-encrypted
    host: gateway-1
    justification: the laboratory has no secrets
    approver: J. Doe, security
    expires: 2026-12-31
"""


def applied(waiver: Spoken, state: State = State.FAIL, known: tuple[str, ...] = (RULE.id,)) -> tuple[Finding, str]:
    finding = Finding(RULE, state, ("/dev/sda2",), "/proc/swaps", "seen" if state is State.FAIL else "")
    (found,), remarks = apply([finding], [waiver], known, "gateway-1", TODAY)
    return found, "; ".join(remarks)


def test_a_failure_is_waived_and_still_told() -> None:
    found, remarks = applied(GOOD)
    assert found.state is State.WAIVED
    assert (found.observed, found.reason) == (("/dev/sda2",), "seen")
    assert found.word is not None
    assert found.word.approver == "J. Doe, security"
    assert remarks == ""


@pytest.mark.parametrize(
    ("waiver", "remark"),
    [
        (
            Spoken(Kind.WAIVER, RULE.id, "", "j", "J. Doe", date(2026, 11, 25)),
            "expired on 2026-11-25 (approved by J. Doe)",
        ),
        (Spoken(Kind.WAIVER, RULE.id, "gateway-2", "j", "a", date(2026, 12, 1)), "is for gateway-2, not for gateway-1"),
        (Spoken(Kind.WAIVER, "host/unknown", "", "j", "a", date(2026, 12, 1)), "names a rule that there is not"),
        (Spoken(Kind.WAIVER, RULE.id, "", "j", "a", date(2029, 1, 1)), "more than 366 days"),
    ],
)
def test_expired_foreign_and_endless_waivers_have_no_effect_and_are_named(waiver: Spoken, remark: str) -> None:
    found, remarks = applied(waiver)
    assert found.state is State.FAIL
    assert remark in remarks


def test_the_last_day_counts() -> None:
    assert applied(Spoken(Kind.WAIVER, RULE.id, "", "j", "a", TODAY))[0].state is State.WAIVED


@pytest.mark.parametrize("state", [State.ERROR, State.PASS, State.NOT_APPLICABLE, State.MANUAL])
def test_nothing_but_a_failure_is_waived(state: State) -> None:
    found, remarks = applied(GOOD, state)
    assert found.state is state
    assert found.word is None
    assert "meets no failure" in remarks


def test_a_waiver_of_a_rule_that_was_not_looked_at() -> None:
    other = Spoken(Kind.WAIVER, "host/clock-kept", "", "j", "a", date(2026, 12, 1))
    assert "does not look at" in applied(other, known=(RULE.id, "host/clock-kept"))[1]


def test_reading(tmp_path: Path) -> None:
    file = tmp_path / "waivers.yml"
    file.write_text(TEXT)
    assert read(file) == (Spoken(Kind.WAIVER, RULE.id, "gateway-1", GOOD.text, GOOD.approver, GOOD.expires),)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("expires: 2026-12-31", "expires: never", "expires"),
        ("    approver: J. Doe, security\n", "", "approver"),
        ("justification: the laboratory has no secrets", "justification: ok", "justification"),
        ("host: gateway-1", "command: id", "unknown field"),
        ("waivers:", "waivers: {", "not YAML"),
    ],
)
def test_refusals(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    file = tmp_path / "waivers.yml"
    file.write_text(TEXT.replace(old, new))
    with pytest.raises(ConfigurationError, match=complaint):
        read(file)


def test_twice_the_same_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "waivers.yml"
    file.write_text(TEXT + TEXT.replace("\nwaivers:\n", ""))
    with pytest.raises(ConfigurationError, match="named twice"):
        read(file)


def test_a_folder_is_no_file_of_waivers(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such regular file"):
        read(tmp_path)


MANUAL = read_rule("records/records-reviewed")


def attested(entry: Spoken, state: State = State.MANUAL) -> tuple[Finding, str]:
    finding = Finding(MANUAL, state, None, "", "question")
    (found,), remarks = apply([finding], [entry], (MANUAL.id,), "gateway-1", TODAY)
    return found, "; ".join(remarks)


def test_an_attestation_answers_what_no_machine_can() -> None:
    entry = Spoken(Kind.ATTESTATION, MANUAL.id, "", "read each Monday", "J. Doe", date(2026, 12, 31))
    found, remarks = attested(entry)
    assert (found.state, found.observed, found.reason, remarks) == (State.PASS, "read each Monday", "", "")
    assert found.word is not None
    late, remarks = attested(Spoken(Kind.ATTESTATION, MANUAL.id, "", "read", "J. Doe", date(2026, 11, 1)))
    assert late.state is State.MANUAL
    assert "expired" in remarks


@pytest.mark.parametrize("state", [State.FAIL, State.ERROR])
def test_no_word_replaces_what_is_looked_at(state: State) -> None:
    entry = Spoken(Kind.ATTESTATION, MANUAL.id, "", "it is fine", "J. Doe", date(2026, 12, 31))
    found, remarks = attested(entry, state)
    assert found.state is state
    assert "no word replaces that" in remarks


def test_attestations_are_read(tmp_path: Path) -> None:
    file = tmp_path / "waivers.yml"
    file.write_text(
        "attestations:\n  - {rule: records/records-reviewed, statement: read each Monday, approver: J. Doe,"
        " expires: 2026-12-31}\n"
    )
    assert read(file)[0].kind is Kind.ATTESTATION
