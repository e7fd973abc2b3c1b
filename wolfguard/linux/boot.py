# SPDX-License-Identifier: GPL-3.0-or-later
"""Which boot of the machine this is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_FILE: Final = Path("/proc/sys/kernel/random/boot_id")
_FORM: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def boot_id(file: Path = _FILE) -> str:
    """The kernel's random identifier of this boot, "" where it cannot be read."""
    try:
        text = file.read_text("ascii", "replace").strip()
    except OSError:
        return ""
    return text if _FORM.fullmatch(text) else ""
