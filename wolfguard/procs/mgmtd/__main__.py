# SPDX-License-Identifier: GPL-3.0-or-later
"""What mgmtd's launcher executes."""

import sys

from wolfguard.procs.child import run
from wolfguard.procs.mgmtd.process import Mgmtd

if __name__ == "__main__":
    sys.exit(run(Mgmtd()))
