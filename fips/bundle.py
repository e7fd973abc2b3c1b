# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a folder is a FIPS bundle of the flavour that was asked for, before and after it is built.

Owns what makes wolfSSL's tree a bundle: the files of the module, which the open tree lacks, and the version that the
module says of itself. Layout and names are those of wolfSSL's own configure.ac and fips-hash.sh. Refusals name the file
and say what to do, since who gets a bundle gets it once.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from source import SourceError

# What delimits and makes the module; its objects are linked between the first and the last.
MODULE_FILES = {
    "wolfcrypt/src/wolfcrypt_first.c": "the begin of the module's boundary",
    "wolfcrypt/src/fips.c": "the module's interface and its version",
    "wolfcrypt/src/fips_test.c": "the self-tests and the in-core hash",
    "wolfcrypt/src/wolfcrypt_last.c": "the end of the module's boundary",
    "wolfssl/wolfcrypt/fips.h": "the module's declarations",
}
BUILD_FILES = {"configure": "", "fips-hash.sh": "the in-core hash step"}
BOUNDARY = ("wolfcrypt/", "wolfssl/wolfcrypt/")

_VERSION = re.compile(r'"wolfCrypt v(\d+)[.\d]*"')
_HASH_LINE = re.compile(r'^"[0-9A-Fa-f]*";', re.MULTILINE)
_GETTER = "wolfCrypt_GetVersion_fips"
_WHOLE = "unpack the archive that wolfSSL delivered once more, whole"
_ASK = """
import ctypes, json, sys
library = ctypes.CDLL(sys.argv[1])
version, core_hash = library.wolfCrypt_GetVersion_fips, library.wolfCrypt_GetCoreHash_fips
version.restype = core_hash.restype = ctypes.c_char_p
print(json.dumps([(version() or b"").decode(), (core_hash() or b"").decode(), library.wolfCrypt_GetStatus_fips()]))
"""


@dataclass(frozen=True, slots=True)
class Module:
    """What the module in a built library says of itself."""

    version: str
    core_hash: str


def check(folder: Path, flavour: str, major: int | None) -> None:
    """The layout of a bundle for `flavour`, whose module's major version is `major` (None: any). Raises SourceError."""
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder: WOLFGUARD_FIPS_BUNDLE names the unpacked bundle")
    problems = list(_missing(folder))
    if problems:
        kind = "it is the open-source tree" if len(problems) >= len(MODULE_FILES) else "it is not whole"
        raise SourceError(f"{folder}: not a FIPS bundle, {kind}: {'; '.join(problems)}: {_WHOLE}")
    if _GETTER not in _text(folder / "wolfssl/wolfcrypt/fips.h"):
        raise SourceError(f"{folder}/wolfssl/wolfcrypt/fips.h is a placeholder, it declares no {_GETTER}: {_WHOLE}")
    if not _HASH_LINE.search(_text(folder / "wolfcrypt/src/fips_test.c")):
        raise SourceError(f"{folder}/wolfcrypt/src/fips_test.c has no line for the in-core hash (verifyCore): {_WHOLE}")
    found = {int(number) for number in _VERSION.findall(_text(folder / "wolfcrypt/src/fips.c"))}
    # newer lines put their version together when they are compiled: those are asked once they are built
    if major is not None and found and found != {major}:
        lines = ", ".join(f"v{number}" for number in sorted(found))
        raise SourceError(
            f"{folder}: its module is of line {lines}, not of {flavour}: give the --flavour that it is of"
        )


def check_patches(patches: Path) -> None:
    """No patch of ours may touch the module. Raises SourceError."""
    for patch in sorted(patches.glob("*.patch")):
        inside = [
            name
            for name in re.findall(r"^\+\+\+ [^/\s]+/(\S+)", _text(patch), re.MULTILINE)
            if name.startswith(BOUNDARY)
        ]
        if inside:
            raise SourceError(f"{patch.name} changes {', '.join(inside)}, which is inside the module's boundary")


def ask(library: Path, flavour: str, major: int | None) -> Module:
    """What the built library's module says. Raises SourceError when it has none, is of another line, or is in error."""
    result = subprocess.run([sys.executable, "-c", _ASK, str(library)], check=False, capture_output=True, text=True)
    if result.returncode != 0:
        last = (result.stderr.strip().splitlines() or [f"exit code {result.returncode}"])[-1]
        raise SourceError(f"{library.name} was built as {flavour} but holds no FIPS module that answers: {last}")
    version, core_hash, status = json.loads(result.stdout)
    if major is not None and not re.match(rf"(wolfCrypt )?v{major}\.", version):
        raise SourceError(f"the built module calls itself {version!r}, not v{major}: give the --flavour that it is of")
    if status != 0:
        raise SourceError(
            f"the built module {version} is in error {status}: its in-core hash did not take, see the log"
        )
    return Module(version, core_hash)


def _missing(folder: Path) -> Iterator[str]:
    for name, meaning in {**BUILD_FILES, **MODULE_FILES}.items():
        file = folder / name
        if not file.is_file():
            yield f"{name} is missing" + (f" ({meaning})" if meaning else "")
        elif file.stat().st_size == 0:
            # autogen.sh of the open tree makes empty files, so that a build without FIPS finds them
            yield f"{name} is empty" + (f" ({meaning})" if meaning else "")


def _text(file: Path) -> str:
    return file.read_text("utf-8", "replace")
