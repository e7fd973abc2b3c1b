# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree keeps its promises: licence lines, no paths of a machine, files with one subject, tests that mirror code."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
SOURCES = (".py", ".c", ".h", ".sh", ".yml", ".toml", ".cmake")
LONGEST = 600


def files() -> list[Path]:
    """What git tracks or would track."""
    command = ["git", "-C", str(TREE), "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [TREE / name for name in names if (TREE / name).is_file()]


def sources() -> list[Path]:
    return [path for path in files() if path.suffix in SOURCES]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(TREE)))
def test_licence_line(path: Path) -> None:
    text = path.read_text()
    if text:
        assert "SPDX-License-Identifier: GPL-3.0-or-later" in "\n".join(text.splitlines()[:3])


def test_no_path_of_a_machine() -> None:
    forbidden = re.compile("/(root|work|tmp/wg|home/[a-z]+)/")
    guilty = [
        f"{path.relative_to(TREE)}:{number}"
        for path in files()
        if path.suffix in (*SOURCES, ".md", ".1", ".5") or path.name == "bootstrap"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if forbidden.search(line) and path != Path(__file__)
    ]
    assert guilty == []


def test_files_have_one_subject() -> None:
    long = [
        f"{path.relative_to(TREE)}: {count}"
        for path in sources()
        if "generated" not in path.parts and (count := len(path.read_text().splitlines())) > LONGEST
    ]
    assert long == []


def test_every_module_says_what_it_owns() -> None:
    silent = [
        str(path.relative_to(TREE))
        for path in sources()
        if path.suffix == ".py"
        and path.read_text().strip()
        and not re.match(r'(#[^\n]*\n)+("""|\n"""|r""")', path.read_text())
    ]
    assert silent == []
