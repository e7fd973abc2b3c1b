# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in a site file: it is taken or refused with ConfigurationError, never anything else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.config.site_files import MINIMAL, profile
from wolfguard.config import build, checks, reference, schema
from wolfguard.config.document import MAX_DEPTH, parse
from wolfguard.errors import ConfigurationError

KEYS = sorted({names[-1] for names, _ in schema.walk() if names[-1] != "*"})

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["10.0.0.0/8", "::", "/etc/x", "fips-hybrid", "local", "vpn.example.org", "10.0.0.1"])
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), inner, max_size=6)
    ),
    max_leaves=20,
)


def take(content: bytes) -> None:
    with contextlib.suppress(ConfigurationError):
        document = parse(content, "site.yml")
        made = build.configuration(schema.validate(document), profile)
        checks.problems(made)
        checks.warnings(made)
        reference.file_in_effect(made)


@given(st.binary(max_size=200))
def test_bytes(content: bytes) -> None:
    take(content)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@,?\n \t\\0159.~<", max_size=80))
def test_yaml_like_text(content: str) -> None:
    take(content.encode())


@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=6))
def test_trees_with_known_keys(tree: dict[str, Any]) -> None:
    take(json.dumps(tree).encode())


@given(st.sampled_from(list(schema.walk())), values)
def test_one_key_of_a_good_file_replaced(key: tuple[tuple[str, ...], Any], value: Any) -> None:
    tree = yaml.safe_load(MINIMAL)
    place: Any = tree
    for name in key[0][:-1]:
        if name == "*":
            if not place:
                place.append({})
            place = place[0]
        else:
            below = next(rule for names, rule in schema.walk() if names[-1] == name)
            place = place.setdefault(name, [] if below["type"] == "list" else {})
        if not isinstance(place, dict | list):
            return
    if isinstance(place, list):
        place[:] = [value]
    else:
        place[key[0][-1]] = value
    take(json.dumps(tree).encode())


@given(values)
def test_json_is_read_as_the_values_that_it_holds(value: Any) -> None:
    with contextlib.suppress(ConfigurationError):
        read = parse(json.dumps({"key": value}).encode(), "f").data
        expected = {"key": value}
        if depth(value) < MAX_DEPTH - 1 and plain(value):
            assert read == expected


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(item) for item in value), default=0)
    return 0


def plain(value: Any) -> bool:
    """Whether JSON's form of the value is read as the same by YAML's subset: no exponents, no huge numbers."""
    if isinstance(value, dict):
        return all(plain(item) for item in value.values())
    if isinstance(value, list):
        return all(plain(item) for item in value)
    if isinstance(value, float):
        return "e" not in repr(value) and len(repr(value)) < 18
    return not isinstance(value, int) or abs(value) < 10**17
