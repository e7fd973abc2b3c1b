# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of an audit as people meet it: on a wide screen, on a phone, in the dark, on paper."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.interop.page import layout
from tests.interop.page.browser import Browser, View
from tests.unit.audit import sample
from wolfguard.audit import kept
from wolfguard.audit.report import html
from wolfguard.audit.report.json import document
from wolfguard.audit.result import Audit, Finding, State
from wolfguard.policy.controls import DEFAULT_PROFILE, read_audit_profile

GOLDEN: Final = Path(__file__).parent / "golden"
DESKTOP: Final = View("desktop", 1280, 900)
DARK: Final = View("desktop-dark", 1280, 900, scheme="dark")
PHONE: Final = View("phone", 390, 844, mobile=True)
PHONE_DARK: Final = View("phone-dark", 390, 844, scheme="dark", mobile=True)
PAPER: Final = View("paper", 680, 960, media="print")
"""A4 without its margins."""
PAPER_DARK: Final = View("paper-of-a-dark-desktop", 680, 960, scheme="dark", media="print")
VIEWS: Final = (DESKTOP, DARK, PHONE, PHONE_DARK, PAPER, PAPER_DARK)

LONG: Final = ("/etc/systemd/system/multi-user.target.wants/" + "a-name-without-any-place-to-break" * 4, "22", "443")

# Elements that stick out of the page, that cut their text off, and texts that lie on others.
OUTSIDE: Final = """
[...document.querySelectorAll("body *")].filter(each => {
  const box = each.getBoundingClientRect();
  return box.width && box.right > 0 && (box.right > document.documentElement.clientWidth + 1 || box.left < -1);
}).map(each => each.tagName + "." + each.className)
"""
CUT: Final = """
[...document.querySelectorAll("body *")].filter(each =>
  getComputedStyle(each).overflowX !== "visible" && each.scrollWidth > each.clientWidth + 1
).map(each => each.tagName + "." + each.className)
"""
OVERLAPPING: Final = """
(() => {
  const texts = [...document.querySelectorAll("h1, h2, h3, p, summary, th, td, li, dt")]
    .filter(each => each.checkVisibility() && !each.querySelector("h1, h2, h3, p, summary, th, td, li, dt"))
    .map(each => ({ box: each.getBoundingClientRect(), text: each.textContent.trim().slice(0, 30) }))
    .sort((a, b) => a.box.top - b.box.top);
  const found = [];
  texts.forEach((a, i) => {
    for (let j = i + 1; j < texts.length && texts[j].box.top < a.box.bottom - 2; j++) {
      const b = texts[j];
      if (Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > 2)
        found.push(a.text + " | " + b.text);
    }
  });
  return found;
})()
"""
EVIDENCE: Final = """
[...document.querySelectorAll("article dl.evidence")].map(each => each.checkVisibility())
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser") / "own") as made:
        yield made


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_bytes(html.render(sample.result(), "nobody could be asked"))
    return file


@pytest.fixture(scope="module")
def long_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All rules that there are, with all frameworks, in every state in turn."""
    profile = read_audit_profile(DEFAULT_PROFILE)
    states = itertools.cycle(State)
    findings = tuple(
        Finding(rule, state, LONG, "/proc/net/tcp, tcp6", "" if state is State.PASS else f"seen: {LONG[0]}")
        for rule, state in zip(profile.rules, states, strict=False)
    )
    found = Audit(profile, "gateway-1.example.com", "1.0", sample.BEGUN, sample.ENDED, findings, ())
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_bytes(html.render(kept.read(document(found), "result.json")))
    return file


def seen(browser: Browser, page: Path, view: View) -> bytes:
    browser.show(page, view)
    return browser.picture()


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_laid_out_as_it_was(browser: Browser, page: Path, view: View) -> None:
    layout.check(GOLDEN / f"{view.name}.png", seen(browser, page, view))


@pytest.mark.parametrize("length", ["page", "long_page"])
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_nothing_sticks_out_is_cut_or_lies_on_another(
    browser: Browser, request: pytest.FixtureRequest, view: View, length: str
) -> None:
    browser.show(request.getfixturevalue(length), view)
    assert browser.value("document.documentElement.scrollWidth") <= view.width
    assert browser.value(OUTSIDE) == []
    assert browser.value(CUT) == []
    assert browser.value(OVERLAPPING) == []


@pytest.mark.parametrize("view", [DESKTOP, PHONE], ids=lambda view: view.name)
def test_and_neither_when_all_is_unfolded(browser: Browser, page: Path, view: View) -> None:
    browser.show(page, view)
    browser.value('for (const each of document.querySelectorAll("details")) each.open = true')
    assert browser.value("document.documentElement.scrollWidth") <= view.width
    assert browser.value(OUTSIDE) == []
    assert browser.value(OVERLAPPING) == []
    assert all(browser.value(EVIDENCE))


def test_dark_is_dark_and_paper_is_white(browser: Browser, page: Path) -> None:
    grounds = {view: layout.ground(seen(browser, page, view)) for view in VIEWS}
    assert all(grounds[view] < 50 for view in (DARK, PHONE_DARK))
    assert all(grounds[view] > 240 for view in (DESKTOP, PHONE))
    assert grounds[PAPER] == grounds[PAPER_DARK] == 255


def test_evidence_of_what_failed_is_on_paper_though_nobody_unfolded_it(browser: Browser, page: Path) -> None:
    browser.show(page, DESKTOP)
    assert not any(browser.value(EVIDENCE))
    browser.show(page, PAPER)
    assert all(browser.value(EVIDENCE))
    paper = browser.paper()
    assert paper.startswith(b"%PDF-")
    assert 2 <= paper.count(b"/Type /Page\n") <= 8


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_nothing_is_asked_for_but_the_page(browser: Browser, page: Path, view: View) -> None:
    browser.show(page, view)
    assert browser.asked_for == [page.as_uri()]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("display: grid; gap: .6rem; grid-template-columns", "columns: 1; x"),
        ("td.chart { width: 45%", "td.chart { display: none"),
        ("max-width: 62rem; margin: 0 auto", "max-width: 42rem"),
        ("--ground: #fbfbf9; --card: #ffffff; --ink: #1c2024", "--ground: #000000; --card: #000000; --ink: #fff"),
    ],
    ids=["legend", "charts", "width", "colours"],
)
def test_a_broken_page_is_seen(browser: Browser, page: Path, tmp_path: Path, old: str, new: str) -> None:
    """What is compared is enough to see it."""
    broken = tmp_path / "broken.html"
    text = page.read_text("utf-8")
    assert old in text
    broken.write_text(text.replace(old, new, 1), "utf-8")
    assert layout.changed(GOLDEN / f"{DESKTOP.name}.png", seen(browser, broken, DESKTOP)) > layout.DIFFERENCE_MAX


@pytest.mark.parametrize(
    ("style", "script"),
    [
        ("table { width: 90rem }", OUTSIDE),
        ("h2 { width: 2rem; overflow: hidden; white-space: nowrap }", CUT),
        ("td.number { position: relative; left: -8rem }", OVERLAPPING),
    ],
    ids=["outside", "cut", "overlapping"],
)
def test_what_looks_for_it_finds_it(browser: Browser, page: Path, style: str, script: str) -> None:
    browser.show(page, DESKTOP)
    assert browser.value(script) == []
    browser.value(f"document.querySelector('style').append({style!r})")
    assert len(browser.value(script)) > 2
