# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparisons are pure and total: each judges its own kinds of values and says None of all others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfguard.errors import ConfigurationError
from wolfguard.policy.expect import COMPARISONS, expectation, told

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=5), below, max_size=4),
    max_leaves=8,
)
GOOD: dict[str, Any] = {
    "equals": 1, "one_of": [1, "a"], "none_of": ["off"], "at_least": 2, "at_most": 2, "contains": "a",
    "between": [1, 3],
    "contains_all": ["a", "b"], "contains_none": ["x"], "within": ["a", "b"], "matches": "a+", "mode_within": "0640",
    "empty": True, "present": True, "absent": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("comparison", "wanted", "observed", "holds"),
    [
        ("equals", 1, 1, True),
        ("equals", 1, True, False),
        ("equals", True, 1, False),
        ("equals", "1", 1, False),
        ("equals", ["a", "b"], ("a", "b"), True),
        ("equals", ["a", "b"], ("b", "a"), False),
        ("equals", "a", ("a",), None),
        ("equals", "a", {"a": 1}, None),
        ("one_of", ["refused", "closed"], "closed", True),
        ("one_of", ["refused", "closed"], "accepted", False),
        ("one_of", [0, 1], False, False),
        ("one_of", ["a"], ("a",), None),
        ("none_of", ["active"], "failed", True),
        ("none_of", ["active"], "active", False),
        ("at_least", 2, 2, True),
        ("at_least", 2, 1, False),
        ("at_least", 2, "2", None),
        ("at_least", 0, True, None),
        ("at_most", 2, 3, False),
        ("at_most", 2, -1, True),
        ("between", [1, 3], 1, True),
        ("between", [1, 3], 3, True),
        ("between", [1, 3], 0, False),
        ("between", [1, 3], 4, False),
        ("between", [1, 3], "2", None),
        ("between", [0, 1], True, None),
        ("contains", "a", ("a", "b"), True),
        ("contains", "a", ("b",), False),
        ("contains", "a", "abc", None),
        ("contains_all", ["a", "b"], ("b", "a", "c"), True),
        ("contains_all", ["a", "b"], ("a",), False),
        ("contains_none", ["a"], (), True),
        ("contains_none", ["a", "b"], ("b",), False),
        ("within", ["a", "b"], ("a",), True),
        ("within", ["a", "b"], (), True),
        ("within", [], (), True),
        ("within", [], ("a",), False),
        ("within", ["a", "b"], ("a", "c"), False),
        ("matches", "TLS_.*_GCM_.*", "TLS_AES_GCM_X", True),
        ("matches", "GCM", "TLS_GCM", False),
        ("matches", "a*", "a" * 5000, None),
        ("mode_within", "0640", "0600", True),
        ("mode_within", "0640", "0644", False),
        ("mode_within", "0640", "4640", False),
        ("mode_within", "0640", "rw-", None),
        ("empty", True, (), True),
        ("empty", True, ("a",), False),
        ("empty", True, "", None),
        ("present", True, 0, True),
        ("present", True, None, False),
        ("absent", True, None, True),
        ("absent", True, 0, False),
    ],
)
def test_verdicts(comparison: str, wanted: Any, observed: Any, holds: bool | None) -> None:
    assert expectation(comparison, wanted).holds(observed) is holds


def test_every_comparison_is_known_here() -> None:
    assert set(GOOD) == set(COMPARISONS)


@pytest.mark.parametrize("comparison", [name for name in GOOD if name != "absent"])
def test_what_is_not_there_is_never_as_expected(comparison: str) -> None:
    assert expectation(comparison, GOOD[comparison]).holds(None) is False


@given(observed=JSON)
@pytest.mark.parametrize("comparison", GOOD)
def test_total(comparison: str, observed: Any) -> None:
    assert expectation(comparison, GOOD[comparison]).holds(observed) in (True, False, None)


@pytest.mark.parametrize(
    ("comparison", "wanted"),
    [
        ("like", 1), ("equals", {"a": 1}), ("one_of", []), ("one_of", "a"), ("at_least", "2"), ("at_least", True),
        ("matches", "("), ("mode_within", "640"), ("empty", False), ("within", [["a"]]),
    ],
)  # fmt: skip
def test_refused_when_a_rule_is_loaded(comparison: str, wanted: Any) -> None:
    with pytest.raises(ConfigurationError):
        expectation(comparison, wanted)


@given(value=JSON)
def test_every_value_can_be_told(value: Any) -> None:
    assert told(value)


def test_expectations_read_like_sentences() -> None:
    assert expectation("at_least", 2).text() == "at least 2"
    assert expectation("empty", True).text() == "none"
    assert expectation("within", [22, 443]).text() == "nothing beyond 22, 443"
