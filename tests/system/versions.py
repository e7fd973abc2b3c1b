# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of the installed package beside each other, as an update lays them: the same code under other numbers.

Owns folders below one root; what the package needs beside itself is linked to. A version can be made one whose workers
do not start, or one whose supervisor is another.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

PACKAGE = "wolfguard"
DISTRIBUTION = "wolfguard_gateway-"


class Versions:
    """`current` is moved by `use`; each folder is an environment with an interpreter."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "versions").mkdir(parents=True)
        for folder in (root, root / "versions"):
            folder.chmod(0o755)

    def add(self, number: str) -> Path:
        """The version's package, to be changed before it is used."""
        prefix, own = self.root / "versions" / number, Path(sys.prefix)
        packages = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
        (prefix / packages).mkdir(parents=True)
        shutil.copy(own / "pyvenv.cfg", prefix)
        shutil.copytree(own / "bin", prefix / "bin", symlinks=True)
        for each in (own / packages).iterdir():
            target = prefix / packages / each.name
            if each.name == PACKAGE:
                shutil.copytree(each, target, ignore=shutil.ignore_patterns("__pycache__"))
            elif each.name.startswith(DISTRIBUTION):
                target = target.with_name(f"{DISTRIBUTION}{number}.dist-info")
                shutil.copytree(each, target)
                lines = (each / "METADATA").read_text("utf-8").splitlines(keepends=True)
                text = "".join(f"Version: {number}\n" if line.startswith("Version:") else line for line in lines)
                (target / "METADATA").write_text(text, "utf-8")
            else:
                target.symlink_to(each)
        for folder in (prefix, *(path for path in prefix.rglob("*") if path.is_dir() and not path.is_symlink())):
            folder.chmod(0o755)
        return prefix / packages / PACKAGE

    def use(self, number: str) -> str:
        """Makes it the current one; returns its interpreter."""
        fresh = self.root / "current.new"
        fresh.symlink_to(Path("versions") / number)
        os.rename(fresh, self.root / "current")
        return str(self.root / "versions" / number / "bin" / "python")
