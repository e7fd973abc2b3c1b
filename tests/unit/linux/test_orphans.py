# SPDX-License-Identifier: GPL-3.0-or-later
"""Children of children, in a process of the test's own: adopted, ended, waited for, and nobody else."""

from __future__ import annotations

import subprocess
import sys

# A child that leaves two generations behind, each in a session of its own.
SCRIPT = """
import os, subprocess, sys, time
from wolfguard.linux import orphans

orphans.adopt()
own = subprocess.Popen(["sleep", "1000"])
middle = subprocess.Popen(["sh", "-c", "setsid sh -c 'setsid sleep 1000 & sleep 1000' & echo started; exit 0"],
                          stdout=subprocess.PIPE)
assert middle.stdout.readline() == b"started\\n"
middle.wait()
def children():
    return [int(word) for word in open(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read().split()]
while len(children()) < 2:
    time.sleep(0.01)
orphans.end(lambda pid: pid == own.pid)
assert children() == [own.pid], children()
assert own.poll() is None
own.kill()
own.wait()
orphans.end(lambda pid: False)
assert children() == []
"""


def test_orphans_are_ended_and_own_children_are_not() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
