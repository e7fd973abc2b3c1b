# SPDX-License-Identifier: GPL-3.0-or-later
"""Another machine as a `Place`, over a channel.

Owns what is asked at once and what is remembered: a file or folder that is no window into the kernel is looked at once
an audit. Owns the check of every answer too: that its form is one of ours says nothing about its truth.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from wolfguard.audit.far.channel import ANSWER_SECONDS, Channel
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

FACTS_MAXIMUM: Final = 16 * 1024
LISTING_MAXIMUM: Final = 8 * 1024 * 1024
WALK_MAXIMUM: Final = 16 * 1024 * 1024
BATCH: Final = 256
BATCH_BYTES: Final = 8 * 1024 * 1024
KEPT_FILE: Final = 256 * 1024
KEPT_ALL: Final = 32 * 1024 * 1024
FLEETING: Final = ("/proc", "/sys", "/dev")
"""What is not remembered."""
RUNNING: Final = (*FLEETING, "/run")
"""What a root file system does not have where nothing runs."""
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
_AT_REST: Final = frozenset({Program.PACKAGE_SUMS, Program.PACKAGE_STATUS, Program.SSH_SETTINGS})
_TEXT_MAXIMUM: Final = 4096

T = TypeVar("T")


class FarPlace:
    """`prefix` is where wolfguard is installed there. `at_rest`: nothing runs there, it is a root file system alone;
    kernel, services and sockets would be somebody else's and are not looked at."""

    def __init__(self, name: str, channel: Channel, prefix: str, *, at_rest: bool = False) -> None:
        self._name = name
        self._channel = channel
        self._path = f"{_PATH}:{prefix}/bin"
        self._at_rest = at_rest
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], Any] = {}
        self._kept_bytes = 0

    @property
    def name(self) -> str:
        return self._name

    def lost(self) -> str:
        return self._channel.lost

    def read(self, path: str, limit: int = READ_MAXIMUM) -> bytes:
        ((_, content),) = self.reads((path,), limit)
        if isinstance(content, Unobservable):
            raise content
        return content

    def reads(self, paths: Iterable[str], limit: int = READ_MAXIMUM) -> Iterator[tuple[str, bytes | Unobservable]]:
        waiting = iter(paths)
        while batch := list(islice(waiting, BATCH)):
            known = {path: found for path in batch if (found := self._remembered("read", path)) is not None}
            asked = self._read_all([path for path in dict.fromkeys(batch) if path not in known], limit)
            for path in batch:
                content = known[path] if path in known else next(asked)
                known[path] = content
                if isinstance(content, bytes) and len(content) > limit:
                    content = Unobservable(f"{path} has {len(content)} bytes, more than the {limit} that are read")
                yield path, content

    def listing(self, path: str) -> tuple[str, ...]:
        return self._once("listing", path, self._listing)

    def facts(self, path: str) -> FileFacts:
        return self._once("facts", path, self._facts)

    def walk(self, top: str) -> tuple[tuple[str, FileFacts], ...]:
        self._must_be_here(top)
        _, body = self._channel.ask("walk", WALK_MAXIMUM, path=top, count=WALKED_MAXIMUM, names=LISTED_MAXIMUM)
        return self._read_as(body, lambda found: tuple((_text(path), _file_facts(facts)) for path, facts in found))

    def run(self, program: Program, *words: str) -> Output:
        wanted = command(program, words)
        if self._at_rest and program not in _AT_REST:
            raise Unobservable(f"{wanted[0]} is not asked where nothing runs")
        head, body = self._channel.ask(
            "run",
            OUTPUT_MAXIMUM,
            PROGRAM_SECONDS + ANSWER_SECONDS,
            command=list(wanted),
            path=self._path,
            within=PROGRAM_SECONDS,
            bytes=OUTPUT_MAXIMUM,
        )
        code, out = head.get("code"), head.get("out")
        if not isinstance(code, int) or not isinstance(out, int) or not 0 <= out <= len(body):
            raise self._strange()
        return output(body[:out], code, body[out:])

    def exchange(self, path: str, sent: bytes, seconds: float, most: int) -> bytes:
        """What a Unix socket there answers until it closes. Raises Missing where nobody hears, or Unobservable."""
        self._must_be_here(path)
        words = {"sent": sent.decode("latin-1"), "within": seconds, "bytes": most}
        return self._channel.ask("exchange", most, seconds + ANSWER_SECONDS, path=path, **words)[1]

    def clock_kept(self) -> bool:
        return self._of_kernel("clock", lambda found: _of(bool, found))

    def kernel(self) -> str:
        return self._of_kernel("kernel", _text)

    def close(self) -> None:
        self._channel.close()

    def _read_all(self, paths: list[str], limit: int) -> Iterator[bytes | Unobservable]:
        """Each in its order; who answers to none of them is not asked for ever."""
        for path in paths:
            self._must_be_here(path)
        while paths:
            head, body = self._channel.ask("reads", max(limit, BATCH_BYTES), paths=paths, limit=limit)
            told, at = head.get("files"), 0
            if not isinstance(told, list) or not 0 < len(told) <= len(paths):
                raise self._strange()
            for path, each in zip(paths, told, strict=False):
                if isinstance(each, int):
                    if not 0 <= each <= len(body) - at:
                        raise self._strange()
                    at += each
                    yield self._remember("read", path, body[at - each : at], each)
                elif isinstance(each, list) and len(each) == 2:
                    kind = Missing if each[1] is True else Unobservable
                    yield self._remember("read", path, kind(str(each[0])[:_TEXT_MAXIMUM]), 0)
                else:
                    raise self._strange()
            paths = paths[len(told) :]

    def _listing(self, path: str) -> tuple[str, ...]:
        _, body = self._channel.ask("listing", LISTING_MAXIMUM, path=path, count=LISTED_MAXIMUM)
        return self._read_as(body, lambda found: tuple(_name(each) for each in found))

    def _facts(self, path: str) -> FileFacts:
        return self._read_as(self._channel.ask("facts", FACTS_MAXIMUM, path=path)[1], _file_facts)

    def _of_kernel(self, do: str, form: Callable[[Any], T]) -> T:
        if self._at_rest:
            raise Unobservable("nothing runs there, and the kernel is another machine's")
        return self._read_as(self._channel.ask(do, FACTS_MAXIMUM)[1], form)

    def _once(self, do: str, path: str, ask: Callable[[str], T]) -> T:
        """The same answer for the whole of an audit; that there is none is one too."""
        self._must_be_here(path)
        found = self._remembered(do, path)
        if found is None:
            try:
                found = ask(path)
            except Missing as error:
                found = error
            self._remember(do, path, found, 200)
        if isinstance(found, Missing):
            raise found
        answer: T = found
        return answer

    def _remembered(self, do: str, path: str) -> Any:
        with self._lock:
            return self._kept.get((do, path))

    def _remember(self, do: str, path: str, found: T, size: int) -> T:
        with self._lock:
            room = size <= KEPT_FILE and self._kept_bytes + size + len(path) <= KEPT_ALL
            if room and not _is_below(path, FLEETING):
                self._kept[do, path] = found
                self._kept_bytes += size + len(path)
        return found

    def _must_be_here(self, path: str) -> None:
        if self._at_rest and _is_below(path, RUNNING):
            raise Unobservable(f"{path} is no part of a root file system where nothing runs")

    def _read_as(self, body: bytes, form: Callable[[Any], T]) -> T:
        try:
            return form(json.loads(body))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise self._strange() from None

    def _strange(self) -> Unobservable:
        return Unobservable(f"{self._name} answers in another form than ours")


def _is_below(path: str, tops: tuple[str, ...]) -> bool:
    return any(path == top or path.startswith(f"{top}/") for top in tops)


def _file_facts(found: Any) -> FileFacts:
    kind, mode, owner, group, size, target = found
    told = _text(kind), _of(int, mode) & 0o7777, _text(owner), _text(group), _of(int, size), _text(target)
    return file_facts(told)


def _name(value: Any) -> str:
    """Of something in a folder."""
    if "/" in _text(value) or value in ("", ".", ".."):
        raise ValueError("a name with a way in it")
    return str(value)


def _text(value: Any) -> str:
    if len(_of(str, value)) > _TEXT_MAXIMUM * 2:
        raise ValueError("a text without end")
    return str(value)


def _of(kind: type[T], value: Any) -> T:
    if type(value) is not kind:
        raise TypeError(f"a {type(value).__name__} for a {kind.__name__}")
    return value
