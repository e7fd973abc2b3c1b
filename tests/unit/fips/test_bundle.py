# SPDX-License-Identifier: GPL-3.0-or-later
"""fips/build with a bundle: what is refused and why, and the way through configure, make, the in-core hash and make
again. The bundle is a made-up one (fake_bundle.py): no real one can be had for tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.fips import fake_bundle

TREE = Path(__file__).resolve().parents[3]


class Ground:
    """A copy of fips/ with one patch for the made-up tree, and a prefix and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.fips = folder / "fips"
        shutil.copytree(TREE / "fips", self.fips, ignore=shutil.ignore_patterns("patches", "__pycache__"))
        (self.fips / "patches").mkdir()
        (self.fips / "patches" / "0001-outside.patch").write_text(fake_bundle.PATCH.lstrip())
        self.prefix, self.cache = folder / "prefix", folder / "cache"
        self.bundle = fake_bundle.make(folder / "wolfssl-bundle")

    @property
    def library(self) -> Path:
        return self.prefix / "lib"

    def build(self, flavour: str = "v5", *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-B", str(self.fips / "build"), "--flavour", flavour, "--quiet"]
        command += ["--prefix", str(self.prefix), "--cache", str(self.cache), *words]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("WOLFGUARD_FIPS")}
        return subprocess.run(
            command, check=False, capture_output=True, text=True, env={**clean, **environment}, timeout=120
        )

    def refused(self, flavour: str = "v5") -> str:
        """Why a build of the bundle is refused; nothing is installed then."""
        result = self.build(flavour, "--bundle", str(self.bundle))
        assert result.returncode != 0
        assert not self.prefix.exists()
        return result.stderr


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def test_the_whole_way(ground: Ground) -> None:
    before = {path: path.read_bytes() for path in ground.bundle.rglob("*") if path.is_file()}
    result = ground.build("v5", WOLFGUARD_FIPS_BUNDLE=str(ground.bundle))
    assert (result.returncode, result.stderr) == (0, "")
    facts = json.loads((ground.library / "wolfssl-manifest.json").read_text())
    assert (facts["flavour"], facts["verdict"], facts["version"]) == ("v5", "bundle", "5.9.2")
    assert facts["source"]["origin"] == "bundle wolfssl-bundle"
    # status 0 is told only when the hash went into the source and the library was made again
    assert facts["module"] == {"version": "wolfCrypt v5.2.1", "core_hash": fake_bundle.HASH}
    assert (ground.library / "made").read_text() == "made\n" * 2
    words = (ground.library / "configure.words").read_text().splitlines()
    assert {"--enable-fips=v5", "--enable-crypttests", "--prefix=/opt/wolfguard-gateway/wolfssl"} < set(words)
    assert "--disable-crypttests" not in words
    assert (ground.library / "outside.c").read_text() == "int patched;\n"
    assert {path: path.read_bytes() for path in ground.bundle.rglob("*") if path.is_file()} == before


def test_the_same_bundle_comes_from_the_cache_and_a_changed_one_does_not(ground: Ground) -> None:
    for _ in range(2):
        assert ground.build("v5", "--bundle", str(ground.bundle)).returncode == 0
    assert len(list((ground.cache / "wolfssl").iterdir())) == 1
    with (ground.bundle / "outside.c").open("a") as stream:
        stream.write("int more;\n")
    assert ground.build("v5", "--bundle", str(ground.bundle)).returncode == 0
    assert len(list((ground.cache / "wolfssl").iterdir())) == 2


@pytest.mark.parametrize(("flavour", "version"), [("v6", "v6.0.0"), ("v7", "v7.0.0"), ("ready", "v8.0.0")])
def test_the_other_flavours(ground: Ground, flavour: str, version: str) -> None:
    fake_bundle.make(ground.bundle, version)
    assert ground.build(flavour, "--bundle", str(ground.bundle)).returncode == 0
    facts = json.loads((ground.library / "wolfssl-manifest.json").read_text())
    assert facts["verdict"] == ("eval" if flavour == "ready" else "bundle")
    assert f"--enable-fips={flavour}" in (ground.library / "configure.words").read_text()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("wolfcrypt/src/fips.c", "fips.c is missing (the module's interface and its version)"),
        ("wolfcrypt/src/fips_test.c", "fips_test.c is missing (the self-tests and the in-core hash)"),
        ("wolfcrypt/src/wolfcrypt_first.c", "wolfcrypt_first.c is missing (the begin of the module's boundary)"),
        ("wolfcrypt/src/wolfcrypt_last.c", "wolfcrypt_last.c is missing (the end of the module's boundary)"),
        ("wolfssl/wolfcrypt/fips.h", "fips.h is missing (the module's declarations)"),
        ("fips-hash.sh", "fips-hash.sh is missing (the in-core hash step)"),
        ("configure", "configure is missing"),
    ],
)
def test_a_missing_file_is_named(ground: Ground, name: str, words: str) -> None:
    (ground.bundle / name).unlink()
    told = ground.refused()
    assert f"not a FIPS bundle, it is not whole: {name.rpartition('/')[0]}" in told
    assert words in told
    assert "unpack the archive" in told
    (ground.bundle / name).touch()
    assert words.replace("missing", "empty") in ground.refused()


def test_the_open_source_tree_is_no_bundle(ground: Ground) -> None:
    for name in ("fips.c", "fips_test.c", "wolfcrypt_first.c", "wolfcrypt_last.c"):
        (ground.bundle / "wolfcrypt" / "src" / name).unlink()
    (ground.bundle / "wolfssl" / "wolfcrypt" / "fips.h").unlink()
    assert "it is the open-source tree" in ground.refused()


def test_a_header_without_its_body(ground: Ground) -> None:
    (ground.bundle / "wolfssl" / "wolfcrypt" / "fips.h").write_text("/* see the commercial release */\n")
    assert "fips.h is a placeholder" in ground.refused()


def test_no_place_for_the_hash(ground: Ground) -> None:
    (ground.bundle / "wolfcrypt" / "src" / "fips_test.c").write_text("int nothing;\n")
    assert "no line for the in-core hash" in ground.refused()


@pytest.mark.parametrize("flavour", ["v6", "v7"])
def test_the_wrong_line(ground: Ground, flavour: str) -> None:
    assert f"its module is of line v5, not of {flavour}" in ground.refused(flavour)


def test_the_wrong_line_that_only_the_built_module_tells(ground: Ground) -> None:
    text = fake_bundle.FIPS_C.replace('"wolfCrypt VERSION"', '"wolfCrypt" " v6.0.0"')
    (ground.bundle / "wolfcrypt" / "src" / "fips.c").write_text(text)
    assert "the built module calls itself 'wolfCrypt v6.0.0', not v5" in ground.refused()


def test_a_hash_that_did_not_take(ground: Ground) -> None:
    (ground.bundle / "fips-hash.sh").write_text("#!/bin/sh\nexit 0\n")
    assert "is in error -203: its in-core hash did not take" in ground.refused()


def test_a_hash_step_that_fails(ground: Ground) -> None:
    (ground.bundle / "fips-hash.sh").write_text("#!/bin/sh\necho no test program\nexit 1\n")
    told = ground.refused()
    assert "./fips-hash.sh failed with 1" in told
    assert "no test program" in told
    log = Path(told.rpartition("the whole log is ")[2].strip())
    assert "no test program" in log.read_text()
    # the next build begins another
    fake_bundle.make(ground.bundle)
    assert ground.build("v5", "--bundle", str(ground.bundle)).returncode == 0
    assert list((ground.cache / "wolfssl").glob("*.log")) == [log]


def test_a_library_without_the_module(ground: Ground) -> None:
    makefile = ground.bundle / "Makefile.in"
    makefile.write_text(makefile.read_text().replace(" wolfcrypt/src/fips.c", ""))
    assert "holds no FIPS module that answers" in ground.refused()


def test_a_patch_of_ours_inside_the_boundary(ground: Ground) -> None:
    patch = fake_bundle.PATCH.replace("outside.c", "wolfcrypt/src/aes.c").lstrip()
    (ground.fips / "patches" / "0002-inside.patch").write_text(patch)
    assert "0002-inside.patch changes wolfcrypt/src/aes.c, which is inside the module's boundary" in ground.refused()


def test_our_patches_stay_outside(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    for patch in (TREE / "fips" / "patches").glob("*.patch"):
        shutil.copy(patch, ground.fips / "patches")
    # refused for not applying to the made-up tree, not for the boundary
    assert "inside the module's boundary" not in ground.refused()


def test_a_bundle_that_is_not_there(ground: Ground) -> None:
    shutil.rmtree(ground.bundle)
    assert "no such folder: WOLFGUARD_FIPS_BUNDLE names the unpacked bundle" in ground.refused()


def test_flavour_and_bundle_belong_together(ground: Ground) -> None:
    assert "flavour v5 needs its --bundle" in ground.build("v5").stderr
    assert "a bundle needs its --flavour" in ground.build("open", "--bundle", str(ground.bundle)).stderr
    assert "names no flavour 'v4'" in ground.build("v4", "--bundle", str(ground.bundle)).stderr
