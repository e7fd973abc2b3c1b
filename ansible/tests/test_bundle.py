# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no good bundle is refused by name, and leaves everything as it was."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

READER = Path(__file__).resolve().parents[1] / "roles" / "system" / "files" / "bundle.py"
FILES = {
    "packages/Packages": b"Package: one\n",
    "packages/one_1%3a2.0~rc1-1+b2_amd64.deb": b"!<arch>" * 5000,
    "wheels/click-8.1-py3-none-any.whl": b"PK" * 700,
    "source/wolfssl_5.9.2.orig.tar.gz": b"source" * 9000,
    "tree/wolfguard-gateway.tar.gz": b"tree" * 100,
    "sbom.cdx.json": b"{}",
}
WHERE = ["--system", "Debian 13", "--architecture", "amd64"]


def listed(files: dict[str, bytes]) -> dict[str, Any]:
    facts = {
        name: {
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "sha384": hashlib.sha384(content).hexdigest(),
        }
        for name, content in files.items()
    }
    return {"format": 1, "system": {"title": "Debian 13", "architecture": "amd64"}, "files": facts}


def packed(manifest: Any, files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    content = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    with tarfile.open(fileobj=stream, mode="w:") as archive:
        for name, each in {"manifest.json": content, **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(each)
            archive.addfile(entry, io.BytesIO(each))
    return stream.getvalue()


def linked(kind: bytes) -> bytes:
    """A bundle whose manifest names a file that is none in the archive."""
    stream = io.BytesIO(packed(listed({"packages/x": b""}), {}).rstrip(b"\0"))
    content = json.dumps(listed({"packages/x": b""})).encode()
    with tarfile.open(fileobj=stream, mode="w:") as archive:
        first = tarfile.TarInfo("manifest.json")
        first.size = len(content)
        archive.addfile(first, io.BytesIO(content))
        entry = tarfile.TarInfo("packages/x")
        entry.type = kind
        entry.linkname = "/etc/passwd"
        archive.addfile(entry)
    return stream.getvalue()


GOOD = packed(listed(FILES), FILES)


def run(*words: str) -> tuple[int, str, str]:
    result = subprocess.run([sys.executable, "-I", str(READER), *words], check=False, capture_output=True, text=True)
    return result.returncode, result.stdout, result.stderr


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "bundle.tar").write_bytes(GOOD)
    return tmp_path


def test_a_good_bundle_is_unpacked_and_found_again(place: Path) -> None:
    archive, folder = str(place / "bundle.tar"), place / "there"
    code, told, errors = run("check", archive, *WHERE)
    assert (code, errors) == (0, "")
    name = json.loads(told)["sha384"]
    assert name == hashlib.sha384(json.dumps(listed(FILES)).encode()).hexdigest()
    assert run("unpack", archive, str(folder), *WHERE, "--sha384", name)[0] == 0
    unpacked = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert unpacked == {**FILES, "manifest.json": json.dumps(listed(FILES)).encode()}
    assert f"file:{folder}/packages" in (place / "there-apt" / "sources.list").read_text()
    assert run("installed", str(folder), *WHERE, "--sha384", name)[0] == 0


def test_a_good_bundle_of_every_length(place: Path) -> None:
    """However much of the last record is left."""
    for blocks in range(21):
        files = {"packages/x": b"x" * 512 * blocks}
        (place / "bundle.tar").write_bytes(packed(listed(files), files))
        assert run("check", str(place / "bundle.tar"))[2] == ""


def test_what_became_of_an_unpacked_bundle(place: Path) -> None:
    folder = place / "there"
    assert run("unpack", str(place / "bundle.tar"), str(folder))[0] == 0
    wheel = folder / "wheels/click-8.1-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"X")
    assert "click-8.1-py3-none-any.whl is not what its manifest says" in run("installed", str(folder))[2]
    wheel.unlink()
    assert "click-8.1-py3-none-any.whl is missing" in run("installed", str(folder))[2]
    wheel.write_bytes(FILES["wheels/click-8.1-py3-none-any.whl"])
    (folder / "packages" / "added.deb").touch()
    assert "packages/added.deb is not in its manifest" in run("installed", str(folder))[2]
    assert "there is none" in run("installed", str(place / "nowhere"))[2]


OTHERS = {name: content for name, content in FILES.items() if not name.startswith("source")}
BAD = {
    "altered": (GOOD.replace(b"tree" * 100, b"tree" * 99 + b"free"), "tree/wolfguard-gateway.tar.gz is not what its"),
    "longer": (
        packed(listed(FILES), {**FILES, "sbom.cdx.json": b"{} "}),
        "sbom.cdx.json is not what its manifest says",
    ),
    "missing": (packed(listed(FILES), OTHERS), "source/wolfssl_5.9.2.orig.tar.gz is missing, which its manifest names"),
    "extra": (packed(listed(OTHERS), FILES), "'source/wolfssl_5.9.2.orig.tar.gz' is in it and not in its manifest"),
    "behind": (GOOD + b"x", "something stands behind its end"),
    "far-behind": (GOOD + bytes(20480) + b"x", "something stands behind its end"),
    "no-manifest": (GOOD[3 * 512 :], ""),
    "malformed": (packed(b"{", FILES), "manifest.json is malformed"),
    "newer": (packed({**listed(FILES), "format": 2}, FILES), "manifest.json is malformed, or of a newer format than 1"),
    "outside": (packed(listed({"packages/../../x": b""}), {"packages/../../x": b""}), "manifest.json is malformed"),
    "text": (b"hello" * 4000, "it is no bundle, or was cut off"),
    "empty": (b"", "it is no bundle, or was cut off"),
    "symbolic-link": (linked(tarfile.SYMTYPE), "'packages/x' is in it and not in its manifest"),
    "hard-link": (linked(tarfile.LNKTYPE), "'packages/x' is in it and not in its manifest"),
    "device": (linked(tarfile.CHRTYPE), "'packages/x' is in it and not in its manifest"),
    "without-its-last-block": (GOOD.rstrip(b"\0"), "cut off"),
    **{f"cut-off-{part}": (GOOD[: len(GOOD) * part // 20], "") for part in range(1, 20)},
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_bundle_is_refused_by_name(place: Path, name: str) -> None:
    content, reason = BAD[name]
    refused(place, content, reason, WHERE)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--system", "Debian 12"], "it is for Debian 13, and this machine is Debian 12"),
        (["--architecture", "arm64"], "it is for amd64, and this machine is arm64"),
        (["--sha384", "0" * 96], "it is another bundle: the SHA-384 of its manifest is "),
    ],
)
def test_a_good_bundle_for_another_machine_or_by_another_name(place: Path, words: list[str], reason: str) -> None:
    refused(place, GOOD, reason, words)


def refused(place: Path, content: bytes, reason: str, words: list[str]) -> None:
    """Both ways of reading an archive, with a bundle there from before."""
    archive, folder = place / "bundle.tar", place / "there"
    assert run("unpack", str(archive), str(folder))[0] == 0
    archive.write_bytes(content)
    before = tree(place)
    for words_of_act in (["check", str(archive)], ["unpack", str(archive), str(folder)]):
        code, told, errors = run(*words_of_act, *words)
        assert (code, told) == (1, "")
        assert errors.startswith(f"the bundle {archive} is refused: ")
        assert reason in errors
        assert len(errors.splitlines()) == 1
    assert tree(place) == before


def tree(place: Path) -> dict[str, bytes]:
    return {str(file.relative_to(place)): file.read_bytes() for file in place.rglob("*") if file.is_file()}
