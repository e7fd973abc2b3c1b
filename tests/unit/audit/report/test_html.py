# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of an audit: golden text, what a browser must never find in it, what a screen reader and a weak eye need."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests import golden
from tests.unit.audit import sample
from wolfguard.audit.kept import Kept
from wolfguard.audit.report import bars, html
from wolfguard.audit.result import State

GOLDEN = Path(__file__).parent / "golden" / "report.html"
VOID = {"meta", "rect", "link", "br", "img", "input", "hr"}
CONTRAST = 4.5  # WCAG 2.2, 1.4.3
SHAPES = 3.0  # 1.4.11


class Page(HTMLParser):
    """Elements with their attributes, and whether each is closed where it must be."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page() -> Page:
    return Page(html.render(sample.result()).decode())


def many(count: int, state: State, reason: str = "") -> Kept:
    """An audit with so many findings of one state."""
    first = sample.result().findings[0]
    found = tuple(
        replace(first, rule=f"host/rule-{number}", state=state, reason=reason, observed=tuple(map(str, range(100))))
        for number in range(count)
    )
    return replace(sample.result(), findings=found)


def test_golden() -> None:
    golden.check(GOLDEN, html.render(sample.result()))


def test_every_element_is_closed(page: Page) -> None:
    assert page.open == []


def test_nothing_is_fetched_and_nothing_runs(page: Page) -> None:
    assert {name for name, _ in page.elements} & {"script", "iframe", "object", "img", "link", "base", "form"} == set()
    for _, attributes in page.elements:
        assert [name for name in attributes if name.startswith("on") or name in ("style", "src")] == []
        assert str(attributes.get("href", "#")).startswith("#")
    text = html.render(sample.result()).decode()
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_what_a_machine_says_stays_text(page: Page) -> None:
    shown = "".join(page.texts)
    assert "</details><script>alert(1)</script>" in shown
    assert "\\x1b[2J" in shown
    assert [each for each in shown if not each.isprintable() and each != "\n"] == []


def test_names_are_there_once_and_every_link_leads_somewhere(page: Page) -> None:
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert sorted(set(map(str, names))) == sorted(map(str, names))
    links = {str(each["href"]).removeprefix("#") for each in page.all("a")}
    labels = {str(attributes["aria-labelledby"]) for _, attributes in page.elements if "aria-labelledby" in attributes}
    assert links | labels <= set(map(str, names))


def test_landmarks_and_headings(page: Page) -> None:
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1
    assert page.all("html")[0]["lang"] == "en"
    levels = [int(name[1]) for name, _ in page.elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert [pair for pair in itertools.pairwise(levels) if pair[1] > pair[0] + 1] == []
    assert all(each.get("scope") in ("col", "row") for each in page.all("th"))
    assert all(each["role"] == "img" and each["aria-label"] for each in page.all("svg"))


def test_failures_come_first_with_what_to_do() -> None:
    text = html.render(sample.result()).decode()
    places = [text.index(f'id="{name}"') for name in ("summary", "failed", "not-seen", "accepted", "manual", "areas")]
    assert places == sorted(places)
    assert "2 of 8 rules fail, 2 of them of high severity; 1 could not be looked at." in text
    assert text.count("<b>Do</b>") == 2
    assert "by Head of networks until 2027-03-31" in text


@pytest.mark.parametrize(
    ("count", "state", "words"),
    [
        (1, State.FAIL, "1 of 1 rules fails."),
        (3, State.ERROR, "No rule fails, but 3 of 3 could not be looked at."),
        (2, State.PASS, "None of 2 rules fails."),
    ],
)
def test_the_page_in_one_sentence(count: int, state: State, words: str) -> None:
    assert html.verdict(many(count, state)) == words


def test_errors_of_one_reason_stand_together() -> None:
    text = html.render(many(30, State.ERROR, "no gateway answers")).decode()
    assert text.count("<article") == 1
    assert "30 rules need to look there" in text
    assert Page(text).open == []


def test_long_lists_are_cut_and_counted() -> None:
    text = html.render(many(1, State.FAIL)).decode()
    assert "and 60 more, all in result.json" in text


def test_an_unsigned_report_says_so() -> None:
    text = html.render(sample.result(), "no gateway answers at <x>").decode()
    assert "Nobody has signed this report.</strong> no gateway answers at &lt;x&gt;" in text
    assert "Nobody has signed" not in html.render(sample.result()).decode()


def test_a_single_failure_is_seen_among_thousands() -> None:
    drawn = str(bars.bar({**dict.fromkeys(bars.ORDER, 0), State.FAIL: 1, State.PASS: 5000}))
    widths = [float(each) for each in re.findall(r' width="([0-9.]+)" height="16"', drawn)]
    assert widths[0] >= bars.LEAST
    assert sum(widths) <= bars.WIDTH


def test_nothing_makes_an_empty_bar() -> None:
    assert "nothing" in str(bars.bar(dict.fromkeys(bars.ORDER, 0)))


def colours() -> Iterator[dict[str, str]]:
    """The variables of the light page, and of the dark one."""
    text = html.render(sample.result()).decode()
    for block in re.findall(r":root \{(.*?)\}", text, re.DOTALL)[:2]:
        yield dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_texts_and_shapes_stand_out() -> None:
    found = list(colours())
    assert len(found) == 2
    for colour in found:
        for text in ("ink", "soft", "link", "fail", "error", "waived", "manual", "pass", "na"):
            for ground in ("ground", "card", "code"):
                assert contrast(colour[text], colour[ground]) >= CONTRAST, (text, ground)
        for shape in ("bar-fail", "bar-waived", "bar-manual", "bar-pass"):
            assert contrast(colour[shape], colour["card"]) >= SHAPES, shape
