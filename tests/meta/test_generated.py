# SPDX-License-Identifier: GPL-3.0-or-later
"""What is generated from seccomp/ and from steering's tables is up to date, and its numbers are the kernel's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.fuzz import steering_program

TREE = Path(__file__).resolve().parents[2]
SECCOMP = TREE / "seccomp"
GENERIC = Path("/usr/include/asm-generic/unistd.h")
# asm-generic names some calls by their 32-bit form and leaves the 64-bit name to a macro.
RENAMED = {"fstatat": "newfstatat"}


def test_generated_files_are_up_to_date() -> None:
    result = subprocess.run(
        [sys.executable, "-B", str(SECCOMP / "generate"), "--check"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), "run seccomp/generate"


def test_steerings_programs_for_the_fuzzer_are_up_to_date() -> None:
    header = (TREE / "tests" / "fuzz" / "steering_program.h").read_text("ascii")
    assert header == steering_program.header(), "run tests/fuzz/steering_program.py"


def test_tables_of_known_answers_are_up_to_date() -> None:
    result = subprocess.run(
        [sys.executable, "-B", str(TREE / "fips" / "generate"), "--check"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), "run fips/generate"


def test_nothing_else_lies_among_the_generated_files() -> None:
    profiles = {entry["filter"] for entry in _load("processes.yml")["processes"].values()} - {"none"}
    expected = {
        f"{name}.{arch}.{kind}" for name in profiles for arch in ("x86_64", "aarch64") for kind in ("bpf", "txt")
    }
    assert {path.name for path in (SECCOMP / "generated").iterdir()} == {*expected, "explanation.json"}
    assert {path.name for path in (TREE / "selinux" / "generated").iterdir()} == {"processes.te", "processes.fc"}


def test_every_profile_is_used() -> None:
    included = {
        name
        for path in (SECCOMP / "profiles").iterdir()
        for name in yaml.safe_load(path.read_text("utf-8")).get("include", [])
    }
    used = {entry["filter"] for entry in _load("processes.yml")["processes"].values()} | included
    assert {path.stem for path in (SECCOMP / "profiles").iterdir()} == used - {"none"}


def test_numbers_of_aarch64_are_the_kernels() -> None:
    text = GENERIC.read_text("ascii")
    kernel = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", text)}
    kernel |= {new: kernel[old] for old, new in RENAMED.items()}
    for name, entry in _load("syscalls.yml").items():
        assert entry["aarch64"] == kernel.get(name), name


def test_numbers_of_x86_64_are_the_kernels() -> None:
    # The compiler of another machine has no such header; the numbers are then compared on x86_64 only.
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    text = header.read_text("ascii") if header.exists() else ""
    kernel = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", text)}
    for name, entry in _load("syscalls.yml").items():
        assert not kernel or entry["x86_64"] == kernel.get(name), name


def test_constants_are_the_headers(tmp_path: Path) -> None:
    lines = ["#define _GNU_SOURCE"]
    for header, names in _load("constants.yml").items():
        lines.append(f"#include <{header}>")
        lines += [f'_Static_assert({name} == {value:#x}, "{name}");' for name, value in names.items() if name != "ZERO"]
    source = tmp_path / "constants.c"
    source.write_text("\n".join(lines) + "\n", "ascii")
    result = subprocess.run(["cc", "-fsyntax-only", str(source)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def _load(name: str) -> dict[str, Any]:
    document = yaml.safe_load((SECCOMP / name).read_text("utf-8"))
    assert isinstance(document, dict)
    return document
