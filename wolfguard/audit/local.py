# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine that this process runs on, as a `Place`. How it is looked at is `looking`'s."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from wolfguard.audit import looking
from wolfguard.audit.observation import Unobservable
from wolfguard.audit.place import (
    LISTED_MAXIMUM,
    OUTPUT_MAXIMUM,
    PROGRAM_SECONDS,
    READ_MAXIMUM,
    WALKED_MAXIMUM,
    FileFacts,
    Missing,
    Output,
    Program,
    command,
    file_facts,
    output,
)

_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"

T = TypeVar("T")


class Local:
    """This machine."""

    def __init__(self, seconds: float = PROGRAM_SECONDS) -> None:
        self._seconds = seconds

    @property
    def name(self) -> str:
        return platform.node() or "this machine"

    def lost(self) -> str:
        return ""

    def read(self, path: str, limit: int = READ_MAXIMUM) -> bytes:
        return _asked(lambda: looking.read(path, limit))

    def reads(self, paths: Iterable[str], limit: int = READ_MAXIMUM) -> Iterator[tuple[str, bytes | Unobservable]]:
        for path in paths:
            try:
                yield path, self.read(path, limit)
            except Unobservable as error:
                yield path, error

    def listing(self, path: str) -> tuple[str, ...]:
        return tuple(_asked(lambda: looking.listing(path, LISTED_MAXIMUM)))

    def facts(self, path: str) -> FileFacts:
        return file_facts(_asked(lambda: looking.facts(path)))

    def walk(self, top: str) -> tuple[tuple[str, FileFacts], ...]:
        found = _asked(lambda: list(looking.walk(top, WALKED_MAXIMUM, LISTED_MAXIMUM)))
        return tuple((path, file_facts(facts)) for path, facts in found)

    def run(self, program: Program, *words: str) -> Output:
        wanted = command(program, words)
        return output(*_asked(lambda: looking.run(wanted, _PATH, self._seconds, OUTPUT_MAXIMUM)))

    def clock_kept(self) -> bool:
        return _asked(looking.clock_kept)

    def kernel(self) -> str:
        return looking.kernel()


def _asked(ask: Callable[[], T]) -> T:
    """Raises Missing or Unobservable for what `looking` raises."""
    try:
        return ask()
    except looking.Unseen as error:
        raise (Missing if error.missing else Unobservable)(str(error)) from None
