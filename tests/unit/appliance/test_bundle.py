# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bundle is made of: the tree, locked wheels, a list of everything; and its reader takes what was written."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from wolfguard.appliance import archive, debian, tree, wheels
from wolfguard.appliance.bill import bill
from wolfguard.appliance.debian import Archives
from wolfguard.appliance.system import RELEASES, platforms
from wolfguard.appliance.tree import WolfSource
from wolfguard.audit import sbom
from wolfguard.crypto.digest import digest, sha256
from wolfguard.errors import LocalError

TREE = Path(__file__).resolve().parents[3]
READER = TREE / "ansible" / "roles" / "system" / "files" / "bundle.py"
MOMENT = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
METADATA = """\
Metadata-Version: 2.4
Name: Sample_Package
Version: 1.2.3
License-Expression: MIT
Requires-Dist: click>=8
Requires-Dist: pytest; extra == "test"
"""
INDEX = """\
Package: libsample1
Version: 1:2.0-1
Architecture: amd64
Filename: ./libsample1_1%3a2.0-1_amd64.deb
SHA256: 00ff
Description: a sample
 SHA256: of something else

Package: sample-tools
Version: 3
Architecture: all
SHA256: 11ee
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    with zipfile.ZipFile(folder / "sample_package-1.2.3-py3-none-any.whl", "w") as made:
        made.writestr("sample_package-1.2.3.dist-info/METADATA", METADATA)
    return folder


def test_a_tree_says_what_it_needs() -> None:
    names = tree.debian_packages(TREE, RELEASES["trixie"])
    assert {"chrony", "nftables", "python3-venv", "cmake", "openssl"} <= set(names)
    needed = tree.requirements(TREE)
    assert [each for each in needed if each.startswith("cryptography")]
    assert [each for each in needed if each.startswith("scikit-build-core")]


def test_a_folder_that_is_no_tree(tmp_path: Path) -> None:
    for ask in (tree.version, tree.requirements):
        with pytest.raises(LocalError, match="is no source tree of the gateway"):
            ask(tmp_path)
    with pytest.raises(LocalError, match=r"has no CHANGELOG\.md: it is not the whole"):
        tree.pack(tmp_path, tmp_path / "packed")


def test_the_tree_is_packed_the_same_way_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        tree.pack(TREE, tmp_path / name / "tree.tar.gz")
    one, two = ((tmp_path / name / "tree.tar.gz").read_bytes() for name in ("one", "two"))
    assert one == two
    with tarfile.open(tmp_path / "one" / "tree.tar.gz") as packed:
        entries = packed.getmembers()
    names = {entry.name for entry in entries}
    assert {"bootstrap", "ansible/site.yml", "fips/build", "wolfguard/engine/native/tls.c"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests", ".git"))]
    assert {(entry.uid, entry.mtime, entry.mode & 0o7022) for entry in entries} == {(0, 0, 0)}
    assert next(entry.mode for entry in entries if entry.name == "bootstrap") == 0o755


def test_the_tree_that_is_packed_is_enough_for_the_role() -> None:
    role = yaml.safe_load((TREE / "ansible/roles/gateway/vars/main.yml").read_text("utf-8"))
    needed = [part.split("/")[0] for part in role["__gateway_parts"].split()]
    assert set(needed) <= set(tree.PARTS)


def test_wheels_are_locked_by_hash(wheel: Path) -> None:
    (found,) = wheels.read(wheel)
    assert (found.name, found.version, found.licence, found.needs) == ("Sample_Package", "1.2.3", "MIT", ("click",))
    content = found.file.read_bytes()
    assert wheels.lock([found], sha256) == f"Sample_Package==1.2.3 --hash=sha256:{sha256(content).hex()}\n"


def test_a_file_that_is_no_wheel(wheel: Path) -> None:
    (wheel / "broken-1-py3-none-any.whl").write_bytes(b"PK")
    with pytest.raises(LocalError, match=r"broken-1-py3-none-any\.whl is no wheel"):
        wheels.read(wheel)


def test_the_newest_tags_come_first() -> None:
    tags = platforms("arm64")
    assert tags[0] == "manylinux_2_36_aarch64"
    assert tags[-1] == "manylinux2014_aarch64"


def test_sources_of_a_release() -> None:
    lines = Archives("http://one/debian", "http://one/debian-security").lines(RELEASES["trixie"])
    assert [line.split("] ")[-1].removeprefix("deb ") for line in lines] == [
        "http://one/debian trixie main",
        "http://one/debian trixie-updates main",
        "http://one/debian-security trixie-security main",
    ]
    assert len(Archives("http://one/debian", "").lines(RELEASES["trixie"])) == 2


def test_an_archive_that_is_not_there_is_named_by_apt(tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    folder.mkdir()
    with pytest.raises(LocalError, match="apt could not fetch the packages: E:"):
        debian.collect(["nftables"], RELEASES["trixie"], "amd64", Archives(f"file:{tmp_path}/none", ""), folder)


def test_a_whole_bundle_and_its_reader(wheel: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    (whole / archive.PACKAGES).mkdir(parents=True)
    wheel.rename(whole / archive.WHEELS)
    (whole / archive.PACKAGES / debian.INDEX).write_text(INDEX)
    packages = debian.index(whole / archive.PACKAGES)
    source = WolfSource(Path("wolfssl_5.9.2.orig.tar.gz"), "Debian source package wolfssl_5.9.2", "ab" * 32)
    made = bill("0.1.0", RELEASES["trixie"], source, wheels.read(whole / archive.WHEELS), packages, sha256)
    (whole / archive.BILL).write_bytes(sbom.render(made, MOMENT))
    seen: list[tuple[int, int]] = []
    facts = {"version": "0.1.0", "system": {"title": "Debian 13", "architecture": "amd64"}}
    listed = archive.manifest(whole, facts, MOMENT, digest, lambda done, of: seen.append((done, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    archive.write(whole, listed, tmp_path / "bundle.tar")
    command = [sys.executable, "-I", str(READER), "unpack", str(tmp_path / "bundle.tar"), str(tmp_path / "there")]
    words = ["--system", "Debian 13", "--architecture", "amd64", "--sha384", digest("sha384", listed).hex()]
    told = subprocess.run([*command, *words], check=True, capture_output=True, text=True).stdout
    assert json.loads(told)["files"] == 3
    assert (tmp_path / "there" / archive.BILL).read_bytes() == (whole / archive.BILL).read_bytes()


def test_the_bill_of_materials_is_valid_and_has_a_hash_of_each_part(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / debian.INDEX).write_text(INDEX.replace("00ff", "0f" * 32).replace("11ee", "1e" * 32))
    source = WolfSource(Path("wolfssl_5.9.2.orig.tar.gz"), "Debian source package wolfssl_5.9.2", "ab" * 32)
    made = bill("0.1.0", RELEASES["trixie"], source, wheels.read(wheel), debian.index(tmp_path), sha256)
    text = sbom.render(made, MOMENT).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = {each["purl"]: each["hashes"][0]["content"] for each in json.loads(text)["components"]}
    assert components["pkg:deb/debian/libsample1@1%3A2.0-1?arch=amd64&distro=debian-13"] == "0f" * 32
    assert components["pkg:generic/wolfssl@5.9.2"] == "ab" * 32
    assert len(components) == 4
