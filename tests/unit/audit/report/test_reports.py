# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of a made-up audit: their exact form (golden), their counts, and that hostile text stays text."""

from __future__ import annotations

import json
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.unit.audit.report.made_up import HOSTILE, made_up
from wolfguard.audit.report import hdf, html, junit, terminal
from wolfguard.audit.report import json as json_report
from wolfguard.audit.result import State

GOLDEN = Path(__file__).parent / "golden"
HDF_STATUS = {"passed", "failed", "skipped", "error"}


def text() -> str:
    return "".join(f"{line}\n" for line in terminal.render(made_up(), everything=True))


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("report.txt", lambda: text().encode()),
        ("result.json", lambda: json_report.encode(made_up())),
        ("junit.xml", lambda: junit.encode(made_up())),
        ("hdf.json", lambda: hdf.encode(made_up())),
        ("report.html", lambda: html.encode(made_up())),
    ],
)
def test_golden(name: str, made: object) -> None:
    """To renew after a wanted change: write what `made` gives into the file, and read the difference."""
    assert callable(made)
    assert made() == (GOLDEN / name).read_bytes()


def test_the_terminal_sees_no_control_character() -> None:
    assert all(char.isprintable() or char == "\n" for char in text())
    assert "\\x1b[2J" in text()


def test_passes_are_printed_only_on_demand() -> None:
    short = "\n".join(terminal.render(made_up()))
    assert "tls/refuses-tls11" not in short
    assert "auth/ssh-no-root" not in short
    assert "do: Stop what should not listen" in short
    assert "accepted by J. Doe until 2026-12-31" in short


def test_json_has_every_state_and_the_same_bytes_for_the_same_audit() -> None:
    document = json.loads(json_report.encode(made_up()))
    assert document["counts"] == {state.value: 2 if state is State.FAIL else 1 for state in State}
    assert document["findings"][2]["observed"] == [HOSTILE]
    assert json_report.encode(made_up()) == json_report.encode(made_up())
    assert json_report.encode(made_up()) != json_report.encode(made_up("gateway-2"))


def test_junit_counts() -> None:
    root = ElementTree.fromstring(junit.encode(made_up(HOSTILE)))  # noqa: S314 - our own
    suites = root.findall("testsuite")
    totals = {
        name: sum(int(suite.attrib[name]) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    }
    assert totals == {"tests": 7, "failures": 2, "errors": 1, "skipped": 3}
    assert len(root.findall(".//testcase")) == 7


def test_hdf_has_what_heimdall_needs() -> None:
    document = hdf.document(made_up())
    assert {"name", "release"} <= set(document["platform"])
    (profile,) = document["profiles"]
    assert {"name", "sha256", "supports", "attributes", "groups", "controls"} <= set(profile)
    for control in profile["controls"]:
        assert {"id", "impact", "refs", "tags", "source_location", "results"} <= set(control)
        assert 0 <= control["impact"] <= 1
        for result in control["results"]:
            assert {"status", "code_desc", "start_time"} <= set(result)
            assert result["status"] in HDF_STATUS
    waived = next(control for control in profile["controls"] if control["id"] == "host/swap-encrypted")
    assert waived["waiver_data"]["expiration_date"] == "2026-12-31"


def test_html_is_one_well_formed_file_without_script_or_anything_from_outside() -> None:
    page = html.encode(made_up(HOSTILE)).decode()
    assert "<script" not in page
    assert "url(" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert "default-src 'none'" in page
    parser = Balanced()
    parser.feed(page)
    assert parser.opened == []
    assert parser.missing() == set()
    assert parser.headings[0] == 1


def test_html_says_everything_that_the_terminal_says() -> None:
    page = html.encode(made_up()).decode()
    for finding in made_up().findings:
        assert finding.rule.id in page
        assert escape(finding.rule.proves) in page
    assert page.count("<details") == 7
    assert page.count("<details id=") - page.count(" open>") == 5
    assert "\\x1b[2J&lt;script&gt;" in page


class Balanced(HTMLParser):
    """Which elements are left open, and which links lead nowhere."""

    VOID = ("meta", "br", "rect")

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.headings: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        assert facts.get("id") not in self.anchors
        self.anchors.add(facts.get("id", ""))
        if tag == "a":
            self.links.add(facts["href"].removeprefix("#"))
        if tag[0] == "h" and tag[1:].isdecimal():
            self.headings.append(int(tag[1:]))
        if tag not in self.VOID:
            self.opened.append(tag)
        self.anchors.discard("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing stays open."""

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def missing(self) -> set[str]:
        return self.links - self.anchors
