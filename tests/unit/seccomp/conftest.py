# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the generator of seccomp/ importable: it is data of the tree, not part of the package."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "seccomp"))
