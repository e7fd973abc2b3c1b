# SPDX-License-Identifier: GPL-3.0-or-later
"""Two kept results side by side: what became worse comes first, and what is no whole result is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.audit.report.made_up import made_up
from wolfguard.audit.difference import between, read
from wolfguard.audit.report.json import encode
from wolfguard.audit.result import State
from wolfguard.errors import ConfigurationError


@pytest.fixture
def before(tmp_path: Path) -> Path:
    file = tmp_path / "before.json"
    file.write_bytes(encode(made_up()))
    return file


def test_nothing_has_changed(before: Path) -> None:
    assert between(read(before), read(before)) == []


def test_what_is_worse_comes_first(before: Path, tmp_path: Path) -> None:
    audit = made_up()
    passed, ports, _, *rest = audit.findings
    later = replace(
        audit,
        findings=(
            replace(passed, state=State.FAIL, observed="accepted"),
            replace(ports, observed=(22, 443, 5432)),
            *rest,
        ),
    )
    file = tmp_path / "after.json"
    file.write_bytes(encode(later))
    changes = between(read(before), read(file))
    assert [(change.rule, change.before, change.after, change.worse) for change in changes] == [
        ("tls/refuses-tls11", "pass", "fail", True),
        ("keys/private-keys-closed", "fail", "not looked at", False),
        ("network/tcp-ports-declared", "fail", "fail", False),
    ]
    assert (changes[2].was, changes[2].now) == ([22, 443, 3306], [22, 443, 5432])


def test_a_good_rule_that_is_not_known_any_more_is_worse(before: Path, tmp_path: Path) -> None:
    audit = made_up()
    file = tmp_path / "after.json"
    file.write_bytes(encode(replace(audit, findings=audit.findings[1:])))
    assert [change.worse for change in between(read(before), read(file))] == [True]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"wolfguard-audit/1", b"wolfguard-audit/9"),
        lambda content: content.replace(b'"state":"pass"', b'"state":"fine"'),
        lambda content: b"[" * 100_000,
        lambda content: b"{}",
        lambda content: b"\xff",
    ],
)
def test_what_is_no_result_is_refused(before: Path, spoil: object) -> None:
    assert callable(spoil)
    before.write_bytes(spoil(before.read_bytes()))
    with pytest.raises(ConfigurationError, match=r"no whole result|this command reads"):
        read(before)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such regular file"):
        read(tmp_path)
