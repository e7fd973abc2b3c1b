# SPDX-License-Identifier: GPL-3.0-or-later
"""Ratios of confinement are of pairs, more is better, and the spread is shown."""

from __future__ import annotations

import inspect

import pytest

from tests.bench import confinement, unconfined
from tests.bench.confinement import Sample, figures
from wolfguard.sandbox import enter

NAMES = [confinement.way(dtls=dtls, down=down) for dtls, down in confinement.WAYS]


def sample(cost: float, login: float, started: float) -> Sample:
    return Sample(dict.fromkeys(NAMES, cost), login, started)


def test_ratios_are_of_pairs() -> None:
    # The second pair met a machine that was ten times as slow; the third has confinement at twice the cost.
    pairs = [
        (sample(1.0, 0.2, 1.5), sample(1.0, 0.2, 1.4)),
        (sample(10.0, 2.0, 3.0), sample(9.8, 1.98, 2.8)),
        (sample(2.0, 0.4, 1.0), sample(1.0, 0.2, 0.9)),
    ]
    found = {each.name: each for each in figures(pairs, "here")}
    assert found["throughput_ratio"].value == pytest.approx(0.98)
    assert found["throughput_ratio"].verdict() == "met"
    assert found["throughput_ratio_min"].value == pytest.approx(0.5)
    assert found["throughput_ratio_max"].value == pytest.approx(1.0)
    assert found["logins_ratio"].value == pytest.approx(0.99)
    assert (found["startup_s"].value, found["startup_s"].verdict()) == (1.5, "met")
    assert found["startup_s_max"].value == 3.0
    assert found["dtls_up_cpu_confined"].value == 2.0


def test_what_confines_nothing_is_called_like_what_confines() -> None:
    space: dict[str, object] = {}
    exec(unconfined.ENTER, space)  # noqa: S102
    for name in ("enter", "require"):
        ours, theirs = getattr(enter, name), space[name]
        assert callable(theirs)
        assert list(inspect.signature(theirs).parameters) == list(inspect.signature(ours).parameters)
