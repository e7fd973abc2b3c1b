# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that a console or a login shows to everybody (issue(5), motd(5)): whether they tell what the machine is.

The text itself goes nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation
from wolfguard.audit.place import Missing, text
from wolfguard.audit.vantage import Vantage

_ESCAPES: Final = re.compile(r"\\[mrsv]|\\S(?:\{[A-Z_]+\})?")
_NAMES: Final = re.compile(r"(?i)\b(debian|gnu/linux|ubuntu|red hat|kernel|wolfguard|wolfssl)\b")


def told(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Absent where there is no such text, or an empty one."""
    path = arguments["path"]
    try:
        content = text(vantage.place, path)
    except Missing:
        return Observation(None, path)
    if not content.strip():
        return Observation(None, path)
    found = [*_ESCAPES.findall(content), *(name.lower() for name in _NAMES.findall(content))]
    return Observation({"tells": tuple(dict.fromkeys(found))}, path)
