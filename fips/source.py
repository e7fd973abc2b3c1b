# SPDX-License-Identifier: GPL-3.0-or-later
"""Where wolfSSL's source comes from: Debian's archive, a release tarball, or an operator's FIPS bundle.

Owns fetching and checking. From Debian, apt verifies the archive's signature and the tarball's checksum; the lists live
in a private folder, so that the machine's own package sources stay as they are.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SUITES = ("sid", "forky")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class SourceError(Exception):
    """The source cannot be had or is not what it should be; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """`path` is a tarball or a folder; `origin` is told in the manifest; `sha256` covers every byte of it."""

    path: Path
    origin: str
    sha256: str


def sha256_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def debian_mirrors(etc: Path = Path("/etc/apt")) -> Iterator[str]:
    """Addresses of Debian archives in the machine's own package sources, in both of apt's formats."""
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]
    for file in files:
        if not file.is_file():
            continue
        for line in file.read_text(errors="replace").splitlines():
            # one-line format has the type before the address, deb822 has a field
            if re.match(r"\s*(deb|deb-src|URIs:)\s", line):
                yield from re.findall(r"(?:https?|file)://\S+?/debian/?(?=\s|$)", line)


def from_debian(work: Path, minimum: str) -> Source:
    """The newest wolfSSL in Debian's archive, at least `minimum`. Raises SourceError."""
    found, version = fetch(work, "wolfssl")
    if version_key(version) < version_key(minimum):
        raise SourceError(f"the newest wolfssl in Debian's archive is {version}, needed is {minimum}: give --tarball")
    return found


def fetch(work: Path, package: str) -> tuple[Source, str]:
    """Downloads the newest source tarball of a package in sid or forky and tells its version. Raises SourceError."""
    mirror = next(debian_mirrors(), None)
    if mirror is None:
        raise SourceError(
            "no Debian archive in /etc/apt: "
            "give a release tarball with --tarball FILE --sha256 HASH, or --bundle FOLDER"
        )
    apt = work / "apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    sources = apt / "source.list"
    sources.write_text("".join(f"deb-src {signed}{mirror.rstrip('/')} {suite} main\n" for suite in SUITES))
    options = [
        f"-oDir::Etc::SourceList={sources}", "-oDir::Etc::SourceParts=/dev/null", f"-oDir::State::Lists={apt}/lists",
        f"-oDir::Cache={apt}/cache", "-oAPT::Sandbox::User=root", "-oAcquire::Check-Valid-Until=false",
        "-oAcquire::Languages=none", "-q",
    ]  # fmt: skip
    # one suite that is away is no reason to fail: what counts is whether a version can be had
    subprocess.run(["apt-get", *options, "update"], check=False, capture_output=True)
    listing = subprocess.run(["apt-cache", *options, "showsrc", package], check=False, capture_output=True, text=True)
    versions = re.findall(r"^Version: (\S+)$", listing.stdout, re.MULTILINE)
    if not versions:
        suites = " or ".join(SUITES)
        raise SourceError(f"Debian's archive offers no {package} source in {suites}: see --help for others")
    newest = max(versions, key=version_key)
    command = ["apt-get", *options, "source", "--download-only", "--tar-only", f"{package}={newest}"]
    result = subprocess.run(command, cwd=work, check=False, capture_output=True, text=True)
    tarballs = sorted(work.glob(f"{package}_*.orig.tar.*z"))
    if result.returncode != 0 or not tarballs:
        raise SourceError(f"apt could not fetch {package} {newest}: {result.stderr.strip().splitlines()[-1:]}")
    found = Source(tarballs[-1], f"Debian source package {package} {newest}", sha256_file(tarballs[-1]))
    return found, newest


def version_key(version: str) -> tuple[int, ...]:
    """Compares upstream versions: "5.9.2-1.2" → (5, 9, 2)."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("-")[0]))


def from_tarball(path: Path, sha256: str) -> Source:
    """A release tarball whose SHA-256 the caller knows. Raises SourceError when it differs."""
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    found = sha256_file(path)
    if found != sha256.lower():
        raise SourceError(f"{path}: SHA-256 is {found}, expected {sha256}: fetch it again or correct --sha256")
    return Source(path, f"tarball {path.name}", found)


def from_bundle(path: Path) -> Source:
    """An operator's FIPS bundle folder, which `bundle.check` has seen; the hash covers names and contents."""
    whole = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        whole.update(f"{file.relative_to(path)}\0{sha256_file(file)}\n".encode())
    return Source(path, f"bundle {path.name}", whole.hexdigest())


def unpack(source: Source, folder: Path) -> Path:
    """Puts the source tree under `folder` and returns its root. A bundle is copied: the original stays untouched."""
    if source.path.is_dir():
        return Path(shutil.copytree(source.path, folder / "bundle", symlinks=True))
    # Debian 12's tarfile has no extraction filter; tar refuses to leave the folder by itself
    subprocess.run(["tar", "-xf", str(source.path), "--no-same-owner", "-C", str(folder)], check=True)
    roots = [entry for entry in os.scandir(folder) if entry.is_dir()]
    if len(roots) != 1:
        raise SourceError(f"{source.path.name}: expected one folder inside, found {len(roots)}")
    return Path(roots[0].path)
