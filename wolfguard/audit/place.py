# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way in which probes look at a machine. `local` is the place that this process runs on; others can come
without a change of any probe.

Whoever reads through a place cannot be made to hang: only regular files are read and no more than a limit of each, and
programs are of a closed list, with a limit of time and output. Nothing that a place can do changes the machine.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final, Protocol

from wolfguard.audit.observation import Unobservable

READ_MAXIMUM: Final = 4 * 1024 * 1024
LISTED_MAXIMUM: Final = 20_000
OUTPUT_MAXIMUM: Final = 8 * 1024 * 1024
PROGRAM_SECONDS: Final = 20.0


class Missing(Unobservable):
    """There is nothing of that name. A probe to which this is an answer catches it."""


class Kind(enum.Enum):
    """What a name stands for."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    SOCKET = "socket"
    FIFO = "fifo"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Of a name, without following it if it is a link. `owner` and `group` are names, or numbers as text where the
    machine has no name for them; `target` is where a link points, else empty."""

    kind: Kind
    mode: int
    owner: str
    group: str
    size: int
    target: str = ""


class Program(enum.Enum):
    """Every program that a probe can run, with the words that always come first. None of them changes anything."""

    UNIT = ("systemctl", "show", "--no-pager")
    RULESET = ("nft", "-j", "-t", "list", "ruleset")
    PACKAGE_SUMS = ("dpkg", "--verify")
    PACKAGE_STATUS = ("dpkg-query", "--show", "--showformat=${db:Status-Status}\\n")
    SSH_SETTINGS = ("sshd", "-T")
    AUDIT_STATUS = ("auditctl", "-s")
    AUDIT_RULES = ("auditctl", "-l")


@dataclass(frozen=True, slots=True)
class Output:
    """What a program printed and how it ended. `errors` is its first line on standard error."""

    text: str
    code: int
    errors: str


class Place(Protocol):
    """A machine to look at. Every method raises Unobservable where it cannot look, and Missing where there is none."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def read(self, path: str, limit: int = READ_MAXIMUM) -> bytes:
        """A regular file, links followed."""

    def listing(self, path: str) -> tuple[str, ...]:
        """Names in a folder, sorted."""

    def facts(self, path: str) -> FileFacts:
        """Of one name."""

    def run(self, program: Program, *words: str) -> Output:
        """Runs a program to its end; `words` come last, none of them begins with "-"."""

    def clock_kept(self) -> bool:
        """The kernel's word on its clock."""

    def kernel(self) -> str:
        """Release of the running kernel."""


def text(place: Place, path: str) -> str:
    """A file as text. Raises as `Place.read` does."""
    return place.read(path).decode("utf-8", "replace")


def lines(place: Place, path: str) -> list[str]:
    """Its lines without comments and empty ones."""
    stripped = (line.split("#", 1)[0].strip() for line in text(place, path).splitlines())
    return [line for line in stripped if line]


def optional_lines(place: Place, path: str) -> list[str]:
    """The same; none where there is no such file."""
    try:
        return lines(place, path)
    except Missing:
        return []


def optional_listing(place: Place, path: str) -> tuple[str, ...]:
    """Names in a folder; none where there is no such folder."""
    try:
        return place.listing(path)
    except Missing:
        return ()
