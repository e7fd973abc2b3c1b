# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret in flight: bytes that never show themselves in a repr, a log line or a traceback."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """`reveal()` is the only way to the bytes, so that every use can be found by name."""

    _value: bytes

    def reveal(self) -> bytes:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __bool__(self) -> bool:
        return bool(self._value)
