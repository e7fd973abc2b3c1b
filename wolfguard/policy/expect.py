# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule expects of an observed value: a small closed vocabulary of comparisons, each a pure and total function.

Owns the words, what they need and how they read. A value of a kind that a comparison cannot judge makes no verdict:
None comes back, never an exception and never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wolfguard.errors import ConfigurationError

Value = None | bool | int | str | Sequence["Value"] | Mapping[str, "Value"]
"""What JSON can say without fractions. None is "there is none"."""

TEXT_MAXIMUM: Final = 4096
"""Longer texts are not matched with patterns."""
_MODE: Final = re.compile(r"[0-7]{4}")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`wants` judges the expected value when a rule is loaded; `holds` judges an observed one, which is never None.
    `phrase` stands before the expected value in a report; empty for those that say everything by themselves."""

    wants: Callable[[Any], bool]
    holds: Callable[[Any, Any], bool | None]
    phrase: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """One comparison of `COMPARISONS` with its expected value."""

    comparison: str
    wanted: Value

    def holds(self, observed: Value) -> bool | None:
        """Whether the observed value is as expected; None where the comparison cannot judge a value of its kind."""
        if self.comparison == "absent":
            return observed is None
        if self.comparison == "present":
            return observed is not None
        if observed is None:
            return False
        return COMPARISONS[self.comparison].holds(observed, self.wanted)

    def text(self) -> str:
        """The expectation as words: "at least 2"."""
        phrase = COMPARISONS[self.comparison].phrase
        if self.comparison == "within" and not self.wanted:
            return COMPARISONS["empty"].phrase
        return (
            phrase
            if self.wanted is True and self.comparison in ("present", "absent", "empty")
            else f"{phrase} {told(self.wanted)}"
        )


def expectation(comparison: str, wanted: Any) -> Expectation:
    """Raises ConfigurationError for a comparison that there is not, and for a value that it cannot compare with."""
    known = COMPARISONS.get(comparison)
    if known is None:
        raise ConfigurationError(f"there is no comparison {comparison!r}; there are: {', '.join(COMPARISONS)}")
    if not known.wants(wanted):
        raise ConfigurationError(f"{comparison} cannot compare with {told(wanted)}")
    return Expectation(comparison, frozen(wanted))


def frozen(value: Any) -> Any:
    """The same with tuples for lists, so that nothing changes it."""
    if isinstance(value, list | tuple):
        return tuple(frozen(each) for each in value)
    if isinstance(value, dict):
        return {str(key): frozen(each) for key, each in value.items()}
    return value


def told(value: Any) -> str:
    """A value for people, in one line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(told(each) for each in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {told(each)}" for key, each in value.items()) or "none"
    return str(value) or "empty text"


def _same(one: Any, other: Any) -> bool:
    """Equal and of one kind: True is not 1, and "1" is not 1."""
    if _is_list(one) and _is_list(other):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


def _among(one: Any, others: Any) -> bool:
    return any(_same(one, each) for each in others)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, bool | int | str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _are_scalars(value: Any) -> bool:
    return _is_list(value) and bool(value) and all(map(_is_scalar, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_pattern(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(re.compile(value))
    except re.error:
        return False


def _is_mode(value: Any) -> bool:
    return isinstance(value, str) and _MODE.fullmatch(value) is not None


def _equals(seen: Any, wanted: Any) -> bool | None:
    kinds = _is_list(seen) == _is_list(wanted) and not isinstance(seen, Mapping)
    return _same(seen, wanted) if kinds else None


def _at_least(seen: Any, wanted: Any) -> bool | None:
    return bool(seen >= wanted) if _is_number(seen) else None


def _at_most(seen: Any, wanted: Any) -> bool | None:
    return bool(seen <= wanted) if _is_number(seen) else None


def _is_range(value: Any) -> bool:
    return _is_list(value) and len(value) == 2 and all(map(_is_number, value)) and value[0] <= value[1]


def _between(seen: Any, wanted: Any) -> bool | None:
    return bool(wanted[0] <= seen <= wanted[1]) if _is_number(seen) else None


def _matches(seen: Any, wanted: Any) -> bool | None:
    known = isinstance(seen, str) and len(seen) <= TEXT_MAXIMUM
    return re.fullmatch(wanted, seen) is not None if known else None


def _mode_within(seen: Any, wanted: Any) -> bool | None:
    return not int(seen, 8) & ~int(wanted, 8) if _is_mode(seen) else None


def _over_list(judge: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | None]:
    return lambda seen, wanted: judge(seen, wanted) if _is_list(seen) else None


def _over_scalar(judge: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | None]:
    return lambda seen, wanted: judge(seen, wanted) if _is_scalar(seen) else None


COMPARISONS: Final[Mapping[str, Comparison]] = {
    "equals": Comparison(lambda value: _is_scalar(value) or _are_scalars(value), _equals, "exactly"),
    "one_of": Comparison(_are_scalars, _over_scalar(_among), "one of"),
    "none_of": Comparison(_are_scalars, _over_scalar(lambda seen, wanted: not _among(seen, wanted)), "none of"),
    "at_least": Comparison(_is_number, _at_least, "at least"),
    "at_most": Comparison(_is_number, _at_most, "at most"),
    "between": Comparison(_is_range, _between, "from the first to the second of"),
    "contains": Comparison(_is_scalar, _over_list(lambda seen, wanted: _among(wanted, seen)), "contains"),
    "contains_all": Comparison(
        _are_scalars, _over_list(lambda seen, wanted: all(_among(each, seen) for each in wanted)), "contains all of"
    ),
    "contains_none": Comparison(
        _are_scalars, _over_list(lambda seen, wanted: not any(_among(each, seen) for each in wanted)), "none of"
    ),
    "within": Comparison(
        lambda value: _are_scalars(value) or value in ([], ()),
        _over_list(lambda seen, wanted: all(_among(each, wanted) for each in seen)),
        "nothing beyond",
    ),
    "matches": Comparison(_is_pattern, _matches, "text of the form"),
    "mode_within": Comparison(_is_mode, _mode_within, "no permission beyond"),
    "empty": Comparison(lambda value: value is True, _over_list(lambda seen, wanted: not seen), "none"),
    # these two judge whether there is a value, before any other is asked
    "present": Comparison(lambda value: value is True, lambda seen, wanted: None, "there is one"),
    "absent": Comparison(lambda value: value is True, lambda seen, wanted: None, "there is none"),
}
"""Every comparison that a rule can ask for, by its word."""
