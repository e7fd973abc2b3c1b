# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol is sans-IO, and imports nothing once it is at work: under a sandbox a late import fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
SCRIPT = """
import sys
sys.path.append(sys.argv[1])
before = set(sys.modules)
from wolfguard.protocol import connection
forbidden = {"asyncio", "socket", "_socket", "ssl", "_ssl", "random", "secrets", "logging", "http"}
assert not forbidden & (set(sys.modules) - before), forbidden & set(sys.modules)
from tests.fuzz import fuzz_protocol
before = set(sys.modules)
fuzz_protocol.over_seeds()
assert set(sys.modules) == before, set(sys.modules) - before
"""


def test_imports() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT, str(TREE)], check=True)
