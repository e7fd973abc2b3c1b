# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs lint-imports with the contracts of .importlinter over a copy of the package.

Owns that copy: import-linter sees Python sources only, so the stub of the native extension stands in its place there,
and who may import the extension is checked like every other import.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
LINT = Path(sysconfig.get_path("scripts")) / "lint-imports"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="wolfguard-layers-") as folder:
        package = Path(folder) / "wolfguard"
        shutil.copytree(TREE / "wolfguard", package, ignore=shutil.ignore_patterns("native", "__pycache__"))
        (package / "_native.pyi").rename(package / "_native.py")
        command = [str(LINT), "--no-cache", "--config", str(TREE / ".importlinter")]
        return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
