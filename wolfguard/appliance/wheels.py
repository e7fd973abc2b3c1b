# SPDX-License-Identifier: GPL-3.0-or-later
"""Python packages as wheels for a release's interpreter, and requirements that name each by version and SHA-256.

pip fetches them. With the lock pip installs these very files and nothing else (`--require-hashes`).
"""

from __future__ import annotations

import email.parser
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wolfguard.appliance.system import Release, platforms
from wolfguard.errors import LocalError

LOCK: Final = "requirements.txt"
_NEED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Wheel:
    """What the metadata of a wheel says (PyPA core metadata). `needs` are names, without extras."""

    file: Path
    name: str
    version: str
    licence: str
    needs: tuple[str, ...]


def collect(needed: Sequence[str], release: Release, architecture: str, folder: Path) -> None:
    """Fetches the newest wheels that satisfy all requirements together. Raises LocalError with what pip says."""
    command = [
        sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--only-binary=:all:",
        f"--python-version={release.python}", *(f"--platform={each}" for each in platforms(architecture)),
        f"--dest={folder}", *needed,
    ]  # fmt: skip
    result = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise LocalError(f"pip could not fetch the wheels: {' '.join(result.stderr.splitlines()[-3:])}")


def read(folder: Path) -> list[Wheel]:
    """Every wheel of the folder, by name. Raises LocalError where a file is none."""
    return sorted((_read(file) for file in folder.glob("*.whl")), key=lambda each: (each.name.lower(), each.version))


def lock(found: Sequence[Wheel], sha256: Callable[[bytes], bytes]) -> str:
    """Requirements for pip, one a wheel."""
    return "".join(
        f"{each.name}=={each.version} --hash=sha256:{sha256(each.file.read_bytes()).hex()}\n" for each in found
    )


def _read(file: Path) -> Wheel:
    try:
        with zipfile.ZipFile(file) as archive:
            name = next(each for each in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", each))
            about = email.parser.Parser().parsestr(archive.read(name).decode(errors="replace"), headersonly=True)
    except (OSError, StopIteration, zipfile.BadZipFile):
        raise LocalError(f"{file.name} is no wheel: fetch it again") from None
    needs = [_NEED.match(need) for need in about.get_all("Requires-Dist", []) if "extra ==" not in need]
    licence = str(about.get("License-Expression") or about.get("License") or "").partition("\n")[0][:120]
    return Wheel(file, str(about["Name"]), str(about["Version"]), licence, tuple(need[0] for need in needs if need))
