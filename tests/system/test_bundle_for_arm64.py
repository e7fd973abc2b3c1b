# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle for arm64 that this machine, which is none, makes: what is in it can run there and only there, and a machine
of another architecture refuses it by name."""

from __future__ import annotations

import io
import json
import platform
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wolfguard.appliance import tree
from wolfguard.appliance.system import MACHINES, RELEASES

TREE = Path(__file__).resolve().parents[2]
READER = TREE / "ansible" / "roles" / "system" / "files" / "bundle.py"
RELEASE = RELEASES["trixie"]
ARCHITECTURE = "arm64"
# ELF header (System V ABI, chapter 4): class and byte order, then the machine at offset 18
AARCH64 = 183
HERE = next(name for name, machine in MACHINES.items() if machine == platform.machine())


@dataclass(frozen=True, slots=True)
class Bundle:
    file: Path
    sha384: str

    def read(self, name: str) -> bytes:
        with tarfile.open(self.file) as archive:
            member = archive.extractfile(name)
            assert member is not None
            return member.read()

    def names(self) -> list[str]:
        with tarfile.open(self.file) as archive:
            return archive.getnames()


@pytest.fixture(scope="module")
def made() -> Iterator[Bundle]:
    # some hundred MB, which are not kept with the folders of the last runs
    with tempfile.TemporaryDirectory(prefix="wolfguard-test-") as folder:
        target = Path(folder, "bundle.tar")
        command = [str(Path(sys.executable).with_name("wolfguard")), "appliance", "bundle", "--json"]
        words = ["--release", RELEASE.codename, "--architecture", ARCHITECTURE, "--tree", str(TREE)]
        result = subprocess.run(
            [*command, *words, "--output", str(target)], check=False, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stdout + result.stderr
        yield Bundle(target, json.loads(result.stdout)["sha384"])


def machine(content: bytes) -> int | None:
    """Of an ELF file; None for what is none."""
    if content[:6] != b"\x7fELF\x02\x01":
        return None
    (found,) = struct.unpack_from("<H", content, 18)
    return int(found)


def test_the_manifest_names_the_machine(made: Bundle) -> None:
    manifest: dict[str, Any] = json.loads(made.read("manifest.json"))
    assert manifest["system"] == {"title": "Debian 13", "codename": "trixie", "architecture": "arm64"}


def test_every_package_is_for_it(made: Bundle) -> None:
    index = made.read("packages/Packages").decode()
    kinds = set(re.findall(r"^Architecture: (.*)$", index, re.MULTILINE))
    assert kinds == {"all", "arm64"}
    names = set(re.findall(r"^Package: (.*)$", index, re.MULTILINE))
    assert set(tree.debian_packages(TREE, RELEASE)) <= names


def test_every_wheel_can_be_loaded_there(made: Bundle) -> None:
    wheels = [name for name in made.names() if name.endswith(".whl")]
    native = 0
    for name in wheels:
        tags = name.removesuffix(".whl").rpartition("-")[2].split(".")
        assert all(tag == "any" or tag.endswith("_aarch64") for tag in tags), name
        with zipfile.ZipFile(io.BytesIO(made.read(name))) as wheel:
            found = {machine(wheel.read(each)) for each in wheel.namelist() if ".so" in each}
        assert found <= {AARCH64}, name
        native += bool(found)
    assert native >= 2
    locked = made.read("wheels/requirements.txt").decode().splitlines()
    assert len(locked) == len(wheels)


def test_the_same_source_as_for_any_machine(made: Bundle) -> None:
    (source,) = [name for name in made.names() if re.fullmatch(r"source/.*\.tar\.\w+", name)]
    assert made.read(f"{source}.sha256").decode().strip() == tree.wolfssl(TREE).sha256


@pytest.mark.parametrize(("architecture", "accepted"), [("arm64", True), (HERE, HERE == "arm64")])
def test_its_reader_takes_it_for_no_other_machine(made: Bundle, architecture: str, accepted: bool) -> None:
    """The words that role `system` calls the reader with, before anything of the machine is touched."""
    words = ["--system", "Debian 13", "--architecture", architecture, "--sha384", made.sha384]
    command = [sys.executable, "-I", str(READER), "check", str(made.file), *words]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if accepted:
        assert (result.returncode, result.stderr) == (0, "")
    else:
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == (
            f"the bundle {made.file} is refused: it is for arm64, and this machine is {architecture}\n"
        )
