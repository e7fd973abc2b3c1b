# SPDX-License-Identifier: GPL-3.0-or-later
"""Code under HAVE_FIPS goes through the compiler, for each line of modules, although no module is at hand.

The declarations are those of wolfSSL's own headers and fips_test.h; a made-up fips.h (tests/native/fips_double) stands
for the one that only bundles have. It shows that the code compiles against these, not that a module works with it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wolfguard import _native

TREE = Path(__file__).resolve().parents[3]
NATIVE = TREE / "wolfguard" / "engine" / "native"
DOUBLE = TREE / "tests" / "native" / "fips_double"
# What a line's flavour is built without (fips/wolfssl.yml), taken out of the library's options by a header of its own.
WITHOUT = {"v5": DOUBLE.with_name("fips_double_v5")}
LINES = {"v5": (5, 2, 1), "v5.3": (5, 3, 0), "v6": (6, 0, 0), "v7": (7, 0, 0), "ready": (8, 0, 0)}


def compiler(name: str) -> list[str]:
    major, minor, patch = LINES[name]
    first = ["-isystem", str(WITHOUT[name])] if name in WITHOUT else []
    library = subprocess.run(["pkg-config", "--cflags", "wolfssl"], check=True, capture_output=True, text=True)
    return [
        "cc", "-std=gnu11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE",
        "-DPy_LIMITED_API=0x030b0000", "-Wno-cast-function-type", "-Wno-missing-field-initializers",
        "-DHAVE_FIPS", f"-DHAVE_FIPS_VERSION={major}", f"-DHAVE_FIPS_VERSION_MAJOR={major}",
        f"-DHAVE_FIPS_VERSION_MINOR={minor}", f"-DHAVE_FIPS_VERSION_PATCH={patch}",
        *first, "-isystem", str(DOUBLE), f"-isystem{sysconfig.get_path('include')}",
        *(word.replace("-I", "-isystem", 1) for word in library.stdout.split()),
    ]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_everything_compiles_as_for_a_module(line: str) -> None:
    words = compiler(line)

    def compile_one(source: Path) -> str:
        result = subprocess.run([*words, str(source)], check=False, capture_output=True, text=True)
        return f"{source.name}: {result.stderr}" if result.returncode else ""

    # what has no guard and includes nothing of wolfSSL would compile the same every time
    sources = [path for path in sorted(NATIVE.glob("*.c")) if "wolfssl/" in path.read_text() or "ext_" in path.name]
    assert len(sources) > 10
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        assert [text for text in pool.map(compile_one, sources) if text] == []


def test_the_guarded_code_is_really_there(tmp_path: Path) -> None:
    """The calls of the module appear in the object, so the compiler has seen them."""
    target = tmp_path / "fips_module.o"
    words = [word for word in compiler("v6") if word != "-fsyntax-only"]
    subprocess.run([*words, "-c", "-o", str(target), str(NATIVE / "fips_module.c")], check=True)
    symbols = subprocess.run(["nm", "-u", str(target)], check=True, capture_output=True, text=True).stdout
    assert {"wolfCrypt_GetVersion_fips", "wolfCrypt_GetCoreHash_fips", "wolfCrypt_GetMode_fips"} <= set(symbols.split())


@pytest.mark.parametrize("password", [b"", b"short", b"p" * 14, b"a passphrase that is longer than one block " * 4])
@pytest.mark.parametrize("length", [1, 64, 65, 200])
def test_our_loop_is_pbkdf2(password: bytes, length: int) -> None:
    """Modules of the v5 line have none, so the loop over their HMAC is ours; another library's is the measure."""
    salt = bytes(range(16))
    expected = hashlib.pbkdf2_hmac("sha512", password, salt, 77, length)
    assert _native.pbkdf2_sha512(password, salt, 77, length) == expected


@pytest.mark.needs_fips_module
def test_the_module_says_who_it_is() -> None:
    found = _native.fips_module()
    assert found is not None
    version, core_hash, status, mode = found
    assert version
    assert len(core_hash) >= 64
    assert int(core_hash, 16)
    assert status == 0
    assert mode in (1, -1)


@pytest.mark.needs_fips_module
def test_the_module_refuses_short_hmac_keys() -> None:
    with pytest.raises(ValueError, match="at least 14"):
        _native.hmac("sha256", b"k" * 13, b"data")


def test_the_open_library_holds_no_module_or_the_manifest_says_so() -> None:
    from wolfguard.crypto import library

    manifest = library.read_manifest(Path(library.identify().path).parent / library.MANIFEST)
    assert (_native.fips_module() is None) == (manifest["verdict"] == "none")
