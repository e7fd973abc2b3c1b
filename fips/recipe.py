# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build of libwolfssl consists of: options, patches, compiler, and the hash that names the result.

Owns the reading of `wolfssl.yml` and `patches/`. Must not know where the source comes from (`source`) or how it is
compiled (`build`).
"""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Recipe:
    """`configure` and `cflags` are the arguments; `patches` are (name, sha256) in the order in which they apply;
    `module_major` is the version of the FIPS module's line, None where any will do or there is none."""

    flavour: str
    verdict: str
    minimum_version: str
    configure: tuple[str, ...]
    cflags: tuple[str, ...]
    patches: tuple[tuple[str, str], ...]
    compiler: str
    module_major: int | None

    def key(self, source_sha256: str) -> str:
        """Names the build: anything that could change a byte of the library is in it."""
        facts = [source_sha256, platform.machine(), self.configure, self.cflags, self.patches, self.compiler]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def compiler_version() -> str:
    """First line of `cc --version`, and the C library's version: both shape the result."""
    line = subprocess.run(["cc", "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
    return f"{line}; {' '.join(platform.libc_ver())}"


def patch_hashes() -> tuple[tuple[str, str], ...]:
    """Our patches in number order, each with its SHA-256."""
    paths = sorted((HERE / "patches").glob("*.patch"))
    return tuple((path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths)


def load(flavour: str) -> Recipe:
    """Reads `wolfssl.yml` for one flavour on this machine. Raises KeyError for a flavour that it does not name."""
    data = yaml.safe_load((HERE / "wolfssl.yml").read_text())
    chosen = data["flavours"][flavour]
    machine = platform.machine()
    # a flavour's own option replaces the general one of the same name (--disable-crypttests, --enable-crypttests)
    options: dict[str, str] = {}
    for entry in [*data["options"], *chosen.get("lacks", ()), *chosen["options"]]:
        if entry.get("machine", machine) == machine:
            name = entry["option"].split("=")[0].removeprefix("--enable-").removeprefix("--disable-")
            options[name] = entry["option"]
    return Recipe(
        module_major=chosen.get("module_major"),
        flavour=flavour,
        verdict=chosen["verdict"],
        minimum_version=data["minimum_version"],
        configure=tuple(options.values()),
        cflags=(data["optimisation"], *(f"-D{entry['define']}" for entry in data["defines"])),
        patches=patch_hashes(),
        compiler=compiler_version(),
    )
