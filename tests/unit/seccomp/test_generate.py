# SPDX-License-Identifier: GPL-3.0-or-later
"""seccomp/generate refuses wrong input with one clear line, exit status 2 and no file written."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("processes.yml", "    stage: 1", "    colour: red\n    stage: 1", "processes.yml: .*colour.*unknown field"),
        ("processes.yml", "edges:", "wishes: []\nedges:", "processes.yml: .*wishes.*unknown field"),
        ("profiles/worker.yml", "  accept4:", "  frobnicate: why ever not\n  accept4:", "worker: frobnicate is not in"),
        ("profiles/worker.yml", "allow:", "deny: {}\nallow:", "worker.yml: only include, allow and soft"),
        (
            "profiles/worker.yml",
            "SO_LINGER",
            "SO_NOSUCH",
            "worker.yml: setsockopt: .*SO_NOSUCH is not in constants.yml",
        ),
        ("profiles/worker.yml", "include: [python]", "include: [perl]", "perl.yml"),
        ("profiles/worker.yml", "allow:", "allow: [", r"worker.yml:\d+: "),
        (
            "profiles/worker.yml",
            "  accept4:",
            "  sendmmsg: twice\n  accept4:",
            r"worker.yml:\d+: sendmmsg stands twice",
        ),
        ("processes.yml", "    filter: keyd", "    filter: nosuch", "nosuch.yml"),
    ],
)
def test_wrong_input_is_one_line(tmp_path: Path, file: str, old: str, new: str, words: str) -> None:
    shutil.copytree(TREE / "seccomp", tmp_path / "seccomp", ignore=shutil.ignore_patterns("generated", "__pycache__"))
    shutil.copy(TREE / "ARCHITECTURE.md", tmp_path)
    text = (tmp_path / "seccomp" / file).read_text("utf-8")
    assert old in text
    (tmp_path / "seccomp" / file).write_text(text.replace(old, new, 1), "utf-8")
    before = sorted(tmp_path.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-B", str(tmp_path / "seccomp/generate")], capture_output=True, text=True, check=False
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert line.startswith("seccomp/generate: ")
    assert re.search(words, line), line
    assert sorted(tmp_path.rglob("*")) == before
