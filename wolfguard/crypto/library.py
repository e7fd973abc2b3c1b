# SPDX-License-Identifier: GPL-3.0-or-later
"""Which libwolfssl this process has really loaded, and whether it is the one that was built for it.

Owns the comparison of the loaded file with the manifest that the build wrote beside it (`wolfssl-manifest.json`:
version, flavour, verdict, source, options, patches, compiler, files with their SHA-256), and of what is mapped
(`integrity`). The verdict says what has been
observed, never what a manifest claims; the hash is by the library itself, so this finds a wrong or half-installed file,
not one that was made to deceive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wolfguard import _native
from wolfguard.crypto import integrity
from wolfguard.crypto.digest import sha256
from wolfguard.crypto.errors import ModuleStartError

MANIFEST: Final = "wolfssl-manifest.json"
MANIFEST_BYTES_MAXIMUM: Final = 1024 * 1024

NOT_OURS: Final = "libwolfssl is not the one that was built for this gateway: {problem}"

_OPEN_SOURCE: Final = "This is open-source wolfSSL, not a FIPS 140-3 module: nothing about it is certified."
_UNOBSERVED: Final = (
    "This build is declared as {declared}, but nobody has observed its FIPS module: it counts as open-source wolfSSL."
)


@dataclass(frozen=True, slots=True)
class LibraryIdentity:
    """`problem` is empty when file and manifest agree, else a sentence. `sha256` is in hex; `verdict` is "none"
    whatever the manifest declares, with the reason in `meaning`; `source` is what it was built from."""

    version: str
    path: str
    sha256: str
    source: str
    verdict: str
    meaning: str
    problem: str

    def facts(self) -> dict[str, str]:
        """What the status of the gateway tells of it, by name."""
        return {
            "library": f"wolfSSL {self.version}",
            "library_sha256": self.sha256,
            "library_source": self.source,
            "verdict": self.verdict,
            "meaning": self.meaning,
        }


def identify() -> LibraryIdentity:
    """Looks at the library of this process. Opens files: call it before the sandbox. Raises ModuleStartError."""
    mapped = _native.library_segments()
    return inspect(_native.library_version(), Path(_native.library_path()), mapped)


def require_identified(identity: LibraryIdentity) -> LibraryIdentity:
    """Fails closed: raises ModuleStartError unless the loaded library is the manifest's. Returns its argument."""
    if identity.problem:
        raise ModuleStartError(NOT_OURS.format(problem=identity.problem))
    return identity


def inspect(version: str, loaded: Path, mapped: integrity.Mapped) -> LibraryIdentity:
    """What stands in `loaded` and in the manifest beside it, for a library that says `version` of itself and of which
    `mapped` is in memory."""
    try:
        path = loaded.resolve(strict=True)
        found = sha256(path.read_bytes()).hex()
    except OSError as error:
        raise ModuleStartError(f"the loaded libwolfssl cannot be read again ({error.strerror}): {loaded}") from None
    try:
        manifest = read_manifest(path.parent / MANIFEST)
    except ValueError as error:
        problem = f"{path.parent / MANIFEST} {error}; build it again with fips/build"
        return LibraryIdentity(version, str(path), found, "unknown", "none", _OPEN_SOURCE, problem)
    declared = manifest["verdict"]
    return LibraryIdentity(
        version=version,
        path=str(path),
        sha256=found,
        source=manifest["source"]["origin"],
        verdict="none",
        meaning=_OPEN_SOURCE if declared == "none" else _UNOBSERVED.format(declared=declared),
        problem=_compare(manifest, version, path.name, found) or integrity.compare(manifest, path.name, mapped),
    )


def _compare(manifest: Mapping[str, Any], version: str, name: str, found: str) -> str:
    if manifest["version"] != version:
        return f"it says version {version}, the manifest {manifest['version']}; install the package again"
    wanted = manifest["files"].get(name)
    if wanted is None:
        return f"{name} is not in the manifest; install the package again"
    if wanted != found:
        return f"the SHA-256 of {name} is {found}, in the manifest it is {wanted}; install the package again"
    return ""


def read_manifest(file: Path) -> Mapping[str, Any]:
    """The manifest of a build, its form checked. Raises ValueError with the rest of a sentence about the file."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MANIFEST_BYTES_MAXIMUM + 1)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    if len(data) > MANIFEST_BYTES_MAXIMUM:
        raise ValueError("is too large")
    try:
        manifest = json.loads(data)
    except ValueError:
        raise ValueError("is not JSON") from None
    if not _is_sound(manifest):
        raise ValueError("lacks version, verdict, source, files or segments")
    checked: Mapping[str, Any] = manifest
    return checked


def _is_sound(manifest: object) -> bool:
    if not isinstance(manifest, dict):
        return False
    source, files = manifest.get("source"), manifest.get("files")
    return (
        isinstance(manifest.get("version"), str)
        and isinstance(manifest.get("verdict"), str)
        and isinstance(source, dict)
        and isinstance(source.get("origin"), str)
        and isinstance(files, dict)
        and all(isinstance(name, str) and isinstance(value, str) for name, value in files.items())
        and integrity.is_sound(manifest)
    )
