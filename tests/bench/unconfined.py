# SPDX-License-Identifier: GPL-3.0-or-later
"""A second installation whose processes confine themselves in nothing, to be measured beside the real one.

The product has no switch for it: this is a copy of the installed package, with another module in the place of
`wolfguard.sandbox.enter`, in an interpreter environment of its own. All else is the same: programs, accounts, limits,
library.
"""

from __future__ import annotations

import shutil
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from wolfguard.procs.supervisor.spawning import installed_launchers

ENTER = '''"""Confines nothing: for the benchmark beside which this was written."""


def require(process, allowed=()):
    pass


def enter(process, places, *, ports=(), allowed=(), watcher=None):
    return (("seccomp", "none"), ("landlock", "none"))
'''


@contextmanager
def installed() -> Iterator[str]:
    """Path of its interpreter."""
    with TemporaryDirectory(prefix="wolfguard-bench-") as folder:
        place = Path(folder)
        # Processes read their code as their own users.
        place.chmod(0o755)
        venv.create(place, symlinks=True)
        packages = Path(sysconfig.get_path("purelib", vars={"base": folder, "platbase": folder}))
        shutil.copytree(installed_launchers().parent, packages / "wolfguard")
        # Behind the copy, for everything but wolfguard.
        (packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
        (packages / "wolfguard" / "sandbox" / "enter.py").write_text(ENTER)
        yield str(place / "bin" / "python")


def filtered(pid: int) -> bool:
    """Whether the kernel has a filter on the process."""
    status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    return "\nSeccomp:\t2" in status
