# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a gateway whose filters log what they would kill for, in the place of `wolfguard run`.

Takes that command's line and looks for the site file in it. For tests that look at what stands behind the filters.
"""

from __future__ import annotations

import sys

from wolfguard.procs import supervisor

sys.exit(supervisor.main(sys.argv[sys.argv.index("--config") + 1], learn=True))
