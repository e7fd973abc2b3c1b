# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit report`: the same bytes as beside the audit, but for the page, which says that nobody signed it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.audit import sample
from wolfguard.audit import kept
from wolfguard.audit.report import html
from wolfguard.cli import audit_output
from wolfguard.cli.audit_report import FORMATS, NOT_COVERED
from wolfguard.cli.audit_subject import beside
from wolfguard.cli.root import command


def run(*words: object) -> Result:
    return CliRunner().invoke(command, ["audit", "report", *(str(word) for word in words)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that an audit has left."""
    made = tmp_path_factory.mktemp("audit") / "kept"
    audit_output.prepare(made, as_json=False)
    audit_output.write(made, sample.audit(), beside(made / "no-gateway.sock"))
    return made


@pytest.mark.parametrize("place", ["", "bundle.jsonl", "result.json"])
@pytest.mark.parametrize(
    ("form", "file"), [("oscal", "oscal-assessment-results.json"), ("hdf", "hdf.json"), ("junit", "junit.xml")]
)
def test_the_same_as_beside_it(folder: Path, place: str, form: str, file: str) -> None:
    result = run(folder / place, "--format", form)
    assert result.exit_code == 0
    assert result.stdout_bytes == (folder / file).read_bytes()


def test_the_page_says_that_nobody_signed_it(folder: Path) -> None:
    result = run(folder)
    assert result.stdout_bytes == html.render(kept.parse((folder / "result.json").read_bytes(), ""), NOT_COVERED)
    assert b"Nobody has signed this report." in result.stdout_bytes
    assert NOT_COVERED.encode() in result.stdout_bytes


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_no_result(tmp_path: Path, form: str) -> None:
    wrong = tmp_path / "result.json"
    wrong.write_bytes(b'{"format": "wolfguard-audit/1", "findings": [{}]}')
    result = run(wrong, "--format", form)
    assert result.exit_code == 1
    assert result.stdout_bytes == b""
    assert str(wrong) in result.stderr
