# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -I -m wolfguard.procs.authd`: what the launcher starts."""

from __future__ import annotations

import sys

from wolfguard.procs.authd.process import Authd
from wolfguard.procs.child import run

if __name__ == "__main__":
    sys.exit(run(Authd()))
