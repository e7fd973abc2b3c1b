# SPDX-License-Identifier: GPL-3.0-or-later
"""The systems that a bundle can be made for: Debian releases with their Python, and architectures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Release:
    """`version` is Debian's number, `python` that of its interpreter."""

    codename: str
    version: str
    python: str

    @property
    def title(self) -> str:
        """As the roles name a system."""
        return f"Debian {self.version}"


RELEASES: Final = {
    release.codename: release for release in (Release("bookworm", "12", "3.11"), Release("trixie", "13", "3.13"))
}
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
"""Debian's names of architectures to those of wheels and of uname(1)."""


def platforms(architecture: str) -> tuple[str, ...]:
    """Tags of wheels that the C library of every release here can load (PEP 600), newest first."""
    machine = MACHINES[architecture]
    return *(f"manylinux_2_{minor}_{machine}" for minor in (36, 34, 28, 17)), f"manylinux2014_{machine}"
