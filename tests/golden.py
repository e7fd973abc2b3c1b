# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that must not change unnoticed. Run with WOLFGUARD_RENEW_GOLDEN=1 to renew them, and read the difference."""

from __future__ import annotations

import os
from pathlib import Path


def check(file: Path, content: bytes) -> None:
    """`file` holds what `content` must be."""
    if os.environ.get("WOLFGUARD_RENEW_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    assert content.decode("utf-8") == file.read_text("utf-8")
