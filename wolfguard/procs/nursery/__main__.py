# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -I -m wolfguard.procs.nursery`: what the launcher starts."""

from __future__ import annotations

import sys

from wolfguard.procs.child import run
from wolfguard.procs.nursery.process import NurseryProcess

if __name__ == "__main__":
    sys.exit(run(NurseryProcess()))
