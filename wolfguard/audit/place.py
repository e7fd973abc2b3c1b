# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way in which probes look at a machine. `local` is the place that this process runs on, `far` are others; no
probe knows the difference.

Whoever reads through a place cannot be made to hang: only regular files are read and no more than a limit of each, and
programs are of a closed list, with a limit of time and output. Nothing that a place can do changes the machine.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from wolfguard.audit.complaint import complaint
from wolfguard.audit.looking import Facts
from wolfguard.audit.observation import Unobservable

READ_MAXIMUM: Final = 4 * 1024 * 1024
LISTED_MAXIMUM: Final = 20_000
WALKED_MAXIMUM: Final = 20_000
OUTPUT_MAXIMUM: Final = 8 * 1024 * 1024
PROGRAM_SECONDS: Final = 20.0
_WORD: Final = re.compile(r"[A-Za-z0-9@_./:+=,-]{1,256}")


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
    MODULE = ("wolfguard", "fips", "status", "--json", "--socket")
    PARTS = ("wolfguard", "audit", "sbom", "--socket")


@dataclass(frozen=True, slots=True)
class Output:
    """What a program printed and how it ended. `complaint` is what `audit.complaint` makes of its standard error."""

    text: str
    code: int
    complaint: str

    @property
    def why(self) -> str:
        """Of one that does not tell what it was asked."""
        return f"exit code {self.code}" + (f", {self.complaint}" if self.complaint else "")


class Place(Protocol):
    """A machine to look at. Every method raises Unobservable where it cannot look, and Missing where there is none."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def lost(self) -> str:
        """Why nobody can look there any more; empty as long as somebody can."""

    def read(self, path: str, limit: int = READ_MAXIMUM) -> bytes:
        """A regular file, links followed."""

    def reads(self, paths: Iterable[str], limit: int = READ_MAXIMUM) -> Iterator[tuple[str, bytes | Unobservable]]:
        """The same of many, in their order: what each holds or why nobody can tell. Far away it is one question."""

    def listing(self, path: str) -> tuple[str, ...]:
        """Names in a folder, sorted."""

    def facts(self, path: str) -> FileFacts:
        """Of one name."""

    def walk(self, top: str) -> tuple[tuple[str, FileFacts], ...]:
        """The folder itself and all below it, none of it over a link; what goes away meanwhile is left out. Raises
        Unobservable past WALKED_MAXIMUM."""

    def run(self, program: Program, *words: str) -> Output:
        """Runs a program to its end; `words` come last, none of them begins with "-"."""

    def clock_kept(self) -> bool:
        """The kernel's word on its clock."""

    def kernel(self) -> str:
        """Release of the running kernel."""


def command(program: Program, words: Sequence[str]) -> tuple[str, ...]:
    """The whole command line. Raises Unobservable for words that no program gets."""
    if any(word.startswith("-") or not _WORD.fullmatch(word) for word in words):
        raise Unobservable(f"{program.value[0]} is not run with such words")
    return (*program.value, *words)


def output(text: bytes, code: int, errors: bytes) -> Output:
    """Of what a program has printed."""
    return Output(text.decode("utf-8", "replace"), code, complaint(errors))


def file_facts(found: Facts) -> FileFacts:
    """Of what `looking` has seen. Raises ValueError for a kind that there is not."""
    kind, mode, owner, group, size, target = found
    return FileFacts(Kind(kind), mode, owner, group, size, target)


def text(place: Place, path: str) -> str:
    """A file as text. Raises as `Place.read` does."""
    return place.read(path).decode("utf-8", "replace")


def texts(place: Place, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Many files as text; what is not there, or not any more, is left out. Raises Unobservable."""
    for path, content in place.reads(paths):
        if isinstance(content, bytes):
            yield path, content.decode("utf-8", "replace")
        elif not isinstance(content, Missing):
            raise content


def lines(place: Place, path: str) -> list[str]:
    """Its lines without comments and empty ones."""
    return meant(text(place, path))


def meant(content: str) -> list[str]:
    """The lines of a text without comments and empty ones."""
    stripped = (line.split("#", 1)[0].strip() for line in content.splitlines())
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
