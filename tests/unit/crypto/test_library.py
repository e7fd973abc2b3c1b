# SPDX-License-Identifier: GPL-3.0-or-later
"""The loaded library is compared with its manifest; whatever is declared, an unobserved module's verdict is "none"."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from wolfguard.crypto.library import MANIFEST, LibraryIdentity, identify, inspect, require_identified
from wolfguard.errors import StartError

CONTENT = b"\x7fELF and so on"
MAPPED = ((0, 4096, "r", "aa"), (4096, 8192, "rx", "bb"))
SEGMENTS = [dict(zip(("address", "size", "kind", "sha256"), each, strict=True)) for each in MAPPED]


def segments(number: int, **changes: Any) -> dict[str, Any]:
    """The manifest's segments with one of them changed."""
    listed = [each | (changes if index == number else {}) for index, each in enumerate(SEGMENTS)]
    return {"segments": {"libwolfssl.so.45.0.0": listed}}


def install(folder: Path, **changes: Any) -> LibraryIdentity:
    library = folder / "libwolfssl.so.45.0.0"
    library.write_bytes(CONTENT)
    (folder / "libwolfssl.so.45").unlink(missing_ok=True)
    (folder / "libwolfssl.so.45").symlink_to(library.name)
    manifest = {
        "version": "5.9.2",
        "verdict": "none",
        "source": {"origin": "Debian source package wolfssl 5.9.2", "sha256": "00"},
        "files": {library.name: hashlib.sha256(CONTENT).hexdigest()},
        "segments": {library.name: SEGMENTS},
        **changes,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return inspect("5.9.2", folder / "libwolfssl.so.45", MAPPED)


def test_a_library_that_is_what_was_built(tmp_path: Path) -> None:
    found = install(tmp_path)
    assert found.problem == ""
    assert found.path == str(tmp_path / "libwolfssl.so.45.0.0")
    assert found.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert found.source == "Debian source package wolfssl 5.9.2"
    assert found.verdict == "none"
    assert "not a FIPS 140-3 module" in found.meaning
    assert require_identified(found) is found
    assert found.facts() == {
        "library": "wolfSSL 5.9.2",
        "library_sha256": found.sha256,
        "library_source": found.source,
        "verdict": "none",
        "meaning": found.meaning,
    }


def test_a_declared_module_that_nobody_observed_is_none(tmp_path: Path) -> None:
    found = install(tmp_path, verdict="bundle")
    assert found.verdict == "none"
    assert "nobody has observed" in found.meaning


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "5.8.4"}, "the manifest 5.8.4"),
        ({"files": {}}, "not in the manifest"),
        ({"files": {"libwolfssl.so.45.0.0": "00"}}, "SHA-256"),
        ({"files": []}, "lacks"),
        ({"source": "somewhere"}, "lacks"),
        ({"verdict": None}, "lacks"),
        ({"segments": None}, "lacks"),
        ({"segments": {"libwolfssl.so.45.0.0": [{"address": 0}]}}, "lacks"),
        ({"segments": {}}, "lists no segments"),
        ({"segments": {"libwolfssl.so.45.0.0": SEGMENTS[:1]}}, "are others"),
        (segments(0, size=4097), "are others"),
        (segments(0, sha256="ff"), "its constants"),
        (segments(1, sha256="ff"), "at 0x1000, its code"),
    ],
)
def test_differences_fail_closed(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    found = install(tmp_path, **changes)
    assert words in found.problem
    with pytest.raises(StartError, match="not the one that was built"):
        require_identified(found)


@pytest.mark.parametrize(("text", "words"), [("", "is not JSON"), ("[]", "lacks"), (" " * 2_000_000, "too large")])
def test_damaged_manifests(tmp_path: Path, text: str, words: str) -> None:
    install(tmp_path)
    (tmp_path / MANIFEST).write_text(text)
    assert words in inspect("5.9.2", tmp_path / "libwolfssl.so.45", MAPPED).problem


def test_a_missing_manifest_and_a_missing_library(tmp_path: Path) -> None:
    install(tmp_path)
    (tmp_path / MANIFEST).unlink()
    assert "cannot be read" in inspect("5.9.2", tmp_path / "libwolfssl.so.45", MAPPED).problem
    with pytest.raises(StartError, match="cannot be read again"):
        inspect("5.9.2", tmp_path / "gone.so", MAPPED)


def test_this_process_has_one(tmp_path: Path) -> None:
    found = identify()
    assert found.version.startswith("5.")
    assert Path(found.path).name.startswith("libwolfssl.so")
    assert found.verdict == "none"
