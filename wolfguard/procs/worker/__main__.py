# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -I -m wolfguard.procs.worker`, started by its launcher."""

import sys

from wolfguard.procs.child import run
from wolfguard.procs.worker.plane import open_plane
from wolfguard.procs.worker.process import Worker

if __name__ == "__main__":
    sys.exit(run(Worker(open_plane)))
