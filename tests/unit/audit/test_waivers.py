# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers accept an observed failure for a time, and nothing else; those without effect are named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from wolfguard.audit.result import Finding, State
from wolfguard.audit.waivers import Waiver, apply, read
from wolfguard.errors import ConfigurationError
from wolfguard.policy.rules import read_rule

RULE = read_rule("host/swap-encrypted")
TODAY = date(2026, 11, 26)
GOOD = Waiver(RULE.id, "", "the laboratory has no secrets", "J. Doe, security", date(2026, 12, 31))
TEXT = """
waivers:
  - rule: host/swap-encrypted
    host: gateway-1
    justification: the laboratory has no secrets
    approver: J. Doe, security
    expires: 2026-12-31
"""


def applied(waiver: Waiver, state: State = State.FAIL, known: tuple[str, ...] = (RULE.id,)) -> tuple[Finding, str]:
    finding = Finding(RULE, state, ("/dev/sda2",), "/proc/swaps", "seen" if state is State.FAIL else "")
    (found,), remarks = apply([finding], [waiver], known, "gateway-1", TODAY)
    return found, "; ".join(remarks)


def test_a_failure_is_waived_and_still_told() -> None:
    found, remarks = applied(GOOD)
    assert found.state is State.WAIVED
    assert (found.observed, found.reason) == (("/dev/sda2",), "seen")
    assert found.waiver is not None
    assert found.waiver.approver == "J. Doe, security"
    assert remarks == ""


@pytest.mark.parametrize(
    ("waiver", "remark"),
    [
        (Waiver(RULE.id, "", "j", "J. Doe", date(2026, 11, 25)), "expired on 2026-11-25 (approved by J. Doe)"),
        (Waiver(RULE.id, "gateway-2", "j", "a", date(2026, 12, 1)), "is for gateway-2, not for gateway-1"),
        (Waiver("host/unknown", "", "j", "a", date(2026, 12, 1)), "names a rule that there is not"),
        (Waiver(RULE.id, "", "j", "a", date(2029, 1, 1)), "more than 366 days"),
    ],
)
def test_expired_foreign_and_endless_waivers_have_no_effect_and_are_named(waiver: Waiver, remark: str) -> None:
    found, remarks = applied(waiver)
    assert found.state is State.FAIL
    assert remark in remarks


def test_the_last_day_counts() -> None:
    assert applied(Waiver(RULE.id, "", "j", "a", TODAY))[0].state is State.WAIVED


@pytest.mark.parametrize("state", [State.ERROR, State.PASS, State.NOT_APPLICABLE, State.MANUAL])
def test_nothing_but_a_failure_is_waived(state: State) -> None:
    found, remarks = applied(GOOD, state)
    assert found.state is state
    assert found.waiver is None
    assert "meets no failure" in remarks


def test_a_waiver_of_a_rule_that_was_not_looked_at() -> None:
    other = Waiver("host/clock-kept", "", "j", "a", date(2026, 12, 1))
    assert "does not look at" in applied(other, known=(RULE.id, "host/clock-kept"))[1]


def test_reading(tmp_path: Path) -> None:
    file = tmp_path / "waivers.yml"
    file.write_text(TEXT)
    assert read(file) == (Waiver(RULE.id, "gateway-1", GOOD.justification, GOOD.approver, GOOD.expires),)


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
    with pytest.raises(ConfigurationError, match="waived twice"):
        read(file)


def test_a_folder_is_no_file_of_waivers(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such regular file"):
        read(tmp_path)
