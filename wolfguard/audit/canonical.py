# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way of writing JSON that is hashed or signed. By itself, since evidence is verified where nothing else of an
audit is installed."""

from __future__ import annotations

import json


def canonical(value: object) -> bytes:
    """UTF-8, keys sorted, no white space. Raises ValueError where the value holds what JSON cannot say."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
