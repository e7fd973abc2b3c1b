# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages of a release and an architecture, with all that they depend on, as a folder that apt can take.

apt itself fetches and proves them (signature of the release, checksum of each package), with lists and a package
database of its own in a scratch folder, so that neither this machine's sources nor what is installed here has any part
in it. The database is empty, so that the target may be any state of its release.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wolfguard.appliance.system import Release
from wolfguard.errors import LocalError

KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
INDEX: Final = "Packages"


@dataclass(frozen=True, slots=True)
class Archives:
    """Addresses of Debian's main archive and of its security archive, which may be empty."""

    main: str
    security: str

    def lines(self, release: Release) -> list[str]:
        """As sources.list(5) has them."""
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        name = release.codename
        found = [f"deb {signed}{self.main} {suite} main" for suite in (name, f"{name}-updates")]
        return [*found, f"deb {signed}{self.security} {name}-security main"] if self.security else found


def own() -> Archives:
    """Those of this machine's apt, whatever release it fetches from them. Raises LocalError where it has none."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    try:
        result = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError:
        raise LocalError("there is no apt-get here: make the bundle on a Debian machine") from None
    addresses = [line.strip().rstrip("/") for line in result.stdout.splitlines()]
    main = next((each for each in addresses if re.search(r"/debian$", each)), "")
    if not main:
        raise LocalError("apt knows no Debian archive here; name one with --mirror")
    return Archives(main, next((each for each in addresses if re.search(r"/debian-security$", each)), ""))


def collect(names: Sequence[str], release: Release, architecture: str, archives: Archives, folder: Path) -> None:
    """Fetches into `folder` and writes apt's index of it. Raises LocalError with what apt says."""
    with tempfile.TemporaryDirectory(prefix="wolfguard-apt-") as scratch:
        work = Path(scratch)
        for each in ("lists/partial", "cache"):
            (work / each).mkdir(parents=True)
        (work / "status").touch()
        (work / "sources.list").write_text("".join(f"{line}\n" for line in archives.lines(release)))
        (folder / "partial").mkdir()
        options = [
            f"-oDir::Etc::SourceList={work}/sources.list", "-oDir::Etc::SourceParts=/dev/null",
            "-oDir::Etc::Preferences=/dev/null", "-oDir::Etc::PreferencesParts=/dev/null",
            f"-oDir::State={work}", f"-oDir::State::Lists={work}/lists", f"-oDir::State::status={work}/status",
            f"-oDir::Cache={work}/cache", f"-oDir::Cache::Archives={folder}", "-oAPT::Sandbox::User=root",
            f"-oAPT::Architecture={architecture}", f"-oAPT::Architectures={architecture}",
            "-oAcquire::Languages=none", "-oAPT::Update::Error-Mode=any", "-oAPT::Default-Release=",
        ]  # fmt: skip
        _apt([*options, "update"])
        _apt([*options, "--yes", "--no-install-recommends", "--download-only", "install", *names])
        (folder / "partial").rmdir()
        (folder / "lock").unlink(missing_ok=True)
    command = ["dpkg-scanpackages", "--multiversion", "."]
    result = subprocess.run(command, cwd=folder, check=False, capture_output=True)
    if result.returncode != 0:
        raise LocalError(f"dpkg-scanpackages failed: {result.stderr.decode(errors='replace')[-300:]}")
    (folder / INDEX).write_bytes(result.stdout)
    for file in folder.iterdir():
        file.chmod(0o644)


def index(folder: Path) -> list[Mapping[str, str]]:
    """What lies in a collected folder: the fields of each package (Debian Policy 5.3)."""
    found: list[Mapping[str, str]] = []
    for paragraph in (folder / INDEX).read_text("utf-8").split("\n\n"):
        fields = dict(re.findall(r"^([A-Z][\w-]*): (.*)$", paragraph, re.MULTILINE))
        if "Package" in fields:
            found.append(fields)
    return found


def _apt(words: Sequence[str]) -> None:
    environment = {**os.environ, "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-q", *words]
    result = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        said = [line for line in result.stderr.splitlines() if line.startswith("E:")] or result.stderr.splitlines()[-5:]
        raise LocalError(f"apt could not fetch the packages: {' '.join(said)}")
