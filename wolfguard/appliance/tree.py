# SPDX-License-Identifier: GPL-3.0-or-later
"""A source tree and what it needs: Debian packages, requirements of PyPI, wolfSSL's source; and the tree, packed.

Each is asked of the part of the tree that owns it: `bootstrap`, the roles' map of systems, `pyproject.toml`,
`fips/build`. Owns no list of its own but that of the parts that are packed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from wolfguard.appliance.system import Release
from wolfguard.errors import LocalError

# bootstrap's `finish` installs these beside the package's own
EXTRAS: Final = ("tools",)
PARTS: Final = (
    "CHANGELOG.md", "README.md", "ansible", "bootstrap", "docs", "fips", "policies", "pyproject.toml", "rsyslog",
    "seccomp", "selinux", "systemd", "wolfguard",
)  # fmt: skip
_SYSTEMS: Final = Path("ansible", "roles", "system", "vars", "main.yml")
_LEFT_OUT: Final = ("__pycache__", ".cache", "reports", "pki")


@dataclass(frozen=True, slots=True)
class WolfSource:
    """wolfSSL's source as `fips/build` has it: a tarball, the version in its name, from where, and its SHA-256."""

    path: Path
    origin: str
    sha256: str

    @property
    def version(self) -> str:
        found = re.search(r"\d+(?:\.\d+)+", self.path.name)
        return found[0] if found else "unknown"


def version(tree: Path) -> str:
    """Raises LocalError where the folder is no source tree."""
    return str(_project(tree)["version"])


def debian_packages(tree: Path, release: Release) -> tuple[str, ...]:
    """What bootstrap and the roles install on a system, sorted. Raises LocalError."""
    names = set(_run([str(tree / "bootstrap"), "packages"]).split())
    try:
        system = yaml.safe_load((tree / _SYSTEMS).read_text("utf-8"))
        variable = re.sub(r"[{} ]", "", system["__system_map"][release.title])
        for each in system[variable]["packages"].values():
            names.update(each)
    except (OSError, KeyError) as error:
        raise LocalError(
            f"{tree / _SYSTEMS} does not know {release.title} ({error!r}); name a tree that does"
        ) from None
    return tuple(sorted(names))


def requirements(tree: Path) -> tuple[str, ...]:
    """What bootstrap installs from PyPI, as PEP 508 has it. Raises LocalError."""
    project = _project(tree)
    extras = project["optional-dependencies"]
    needed = [*project["build"], *project["dependencies"], *(each for name in EXTRAS for each in extras[name])]
    return tuple(sorted(set(needed)))


def wolfssl(tree: Path) -> WolfSource:
    """Fetched and checked by the tree's own program, unless it is in the cache. Raises LocalError."""
    found = json.loads(_run([sys.executable, str(tree / "fips" / "build"), "--fetch"]))
    return WolfSource(Path(found["path"]), found["origin"], found["sha256"])


def pack(tree: Path, target: Path) -> None:
    """The same tree gives the same bytes: no times, no owners, names in order. Raises LocalError."""
    with tarfile.open(target, "w:gz", format=tarfile.PAX_FORMAT, compresslevel=6) as archive:
        for part in PARTS:
            if not (tree / part).exists():
                raise LocalError(f"{tree} has no {part}: it is not the whole source tree of the gateway")
            for file in sorted(_files(tree / part)):
                archive.add(file, str(file.relative_to(tree)), recursive=False, filter=_plain)
    # gzip keeps the moment in its head (RFC 1952 2.3)
    with target.open("r+b") as stream:
        stream.seek(4)
        stream.write(bytes(4))


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    found = [place]
    for folder, folders, files in os.walk(place):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        found += [Path(folder, name) for name in (*folders, *files) if not name.endswith(".pyc")]
    return found


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime = 0
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def _project(tree: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))
        return {**document["project"], "build": document["build-system"]["requires"]}
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        raise LocalError(f"{tree} is no source tree of the gateway; name one with --tree") from None


def _run(words: list[str]) -> str:
    try:
        result = subprocess.run(words, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise LocalError(f"{words[0]} cannot be started ({error.strerror}); is --tree the gateway's source?") from None
    if result.returncode != 0:
        raise LocalError(f"{' '.join(words[-2:])} failed: {result.stderr.strip()[-500:]}")
    return result.stdout
