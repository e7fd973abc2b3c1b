# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -I -m wolfguard.procs.pam`: what the launcher starts."""

from __future__ import annotations

import sys

from wolfguard.procs.child import run
from wolfguard.procs.pam.process import PamProcess

if __name__ == "__main__":
    sys.exit(run(PamProcess()))
