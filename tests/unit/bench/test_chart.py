# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts of benchmark results are well-formed SVG that shows every value, and stays within its own bounds."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench.chart import CHARTS, PAPER, WIDTH, Chart, Row, draw, write

SVG = "{http://www.w3.org/2000/svg}"


def values_of(chart: Chart) -> dict[str, float]:
    names = [name for row in chart.rows for name in (row.ours, row.theirs)]
    return {name: 1234.5678 / (number + 1) for number, name in enumerate(names)}


def parsed(chart: Chart, values: dict[str, float]) -> ElementTree.Element:
    return ElementTree.fromstring(draw(chart, values))  # noqa: S314 - of our own making


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.file)
def test_well_formed(chart: Chart) -> None:
    root = parsed(chart, values_of(chart))
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title") == chart.title
    assert {element.tag for element in root.iter()} <= {
        f"{SVG}{n}" for n in ("svg", "title", "desc", "rect", "text", "line")
    }


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.file)
def test_every_value_is_on_its_bar(chart: Chart) -> None:
    values = values_of(chart)
    root = parsed(chart, values)
    texts = [element.text for element in root.iter(f"{SVG}text")]
    for value in values.values():
        assert f"{value:,.{chart.digits}f}" in texts
    for row in chart.rows:
        assert row.label in texts


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.file)
def test_within_bounds(chart: Chart) -> None:
    root = parsed(chart, values_of(chart))
    height = float(root.get("height", "0"))
    for element in root.iter(f"{SVG}rect"):
        left, top = (float(element.get(side, "0")) for side in ("x", "y"))
        assert 0 <= left <= left + float(element.get("width", "0")) <= WIDTH
        assert 0 <= top <= top + float(element.get("height", "0")) <= height


def bars(root: ElementTree.Element) -> list[float]:
    """Lengths, without the paper and the legend's squares."""
    rects = [element for element in root.iter(f"{SVG}rect") if element.get("fill") != PAPER]
    return [float(element.get("width", "0")) for element in rects if element.get("x") == "150"]


def test_bars_are_in_proportion() -> None:
    chart = Chart("x.svg", "t", "u", "b", (Row("a", "one", "two"),))
    long, short = bars(parsed(chart, {"one": 4.0, "two": 1.0}))
    assert long == pytest.approx(4 * short)


def test_nothing_and_less() -> None:
    chart = Chart("x.svg", "t", "u", "b", (Row("a", "one", "two"),))
    assert bars(parsed(chart, {"one": 0.0, "two": 0.0})) == [0.0, 0.0]
    assert bars(parsed(chart, {"one": -0.01, "two": 1.0}))[0] == 0.0


def test_words_are_escaped() -> None:
    chart = Chart("x.svg", "a < b & c", "u", "b", (Row("<&>", "one", "two"),))
    assert parsed(chart, {"one": 1.0, "two": 1.0}).findtext(f"{SVG}title") == "a < b & c"


def test_only_what_a_run_has(tmp_path: Path) -> None:
    chart = CHARTS[-1]
    figures = [{"name": name, "value": value} for name, value in values_of(chart).items()]
    assert write(figures, tmp_path / "made") == [tmp_path / "made" / chart.file]
    assert write(figures[:1], tmp_path / "made") == []
