# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML text to plain data that knows the line of each of its keys.

Owns the reading of YAML, as a subset that says what it means: one document; mappings with text keys, lists and
scalars; plain scalars are null, true, false, decimal numbers, or text (so `no`, `12:30` and `0755` are text, as they
look). Refused: duplicate keys, anchors, aliases and merge keys (no text is larger inside than outside), tags, and more
than MAX_BYTES, MAX_DEPTH or MAX_NODES. Must not know what the keys mean (`config.schema`) or open files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from wolfguard.errors import ConfigurationError

MAX_BYTES = 1 << 20
MAX_DEPTH = 16
MAX_NODES = 100_000

Key = tuple[str | int, ...]

_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\Z")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}\Z")
_WORDS: dict[str, object] = {"": None, "~": None, "null": None, "true": True, "false": False}


def show_key(key: Key) -> str:
    """`("sites", 0, "name")` as people write it: `sites[0].name`."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "(the file)"


@dataclass(frozen=True, slots=True)
class Document:
    """`data` is the file's content; `lines` has the line (from 1) of every key and list item."""

    source: str
    data: object
    lines: dict[Key, int] = field(default_factory=dict)

    def line(self, key: Key) -> int:
        """Line of the key, or of the nearest one above it that stands in the file."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)


def parse(content: bytes, source: str) -> Document:
    """Reads one YAML document. Raises ConfigurationError with `source` and the line."""
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"{source}: larger than {MAX_BYTES} bytes; a site file is a few kilobytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{source}:{line}: not UTF-8 text") from None
    try:
        return _Reader(source, yaml.parse(text, Loader=yaml.CSafeLoader)).document()
    except yaml.YAMLError as error:
        raise ConfigurationError(_syntax(source, error)) from None


def _syntax(source: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    line = f":{mark.line + 1}" if mark is not None else ""
    return f"{source}{line}: not readable as YAML: {problem}; look at the indentation, colons and quotes there"


class _Reader:
    """Builds plain data from parser events: no recursion in a library on a stranger's depth, no aliases to follow."""

    def __init__(self, source: str, events: Iterator[yaml.Event]) -> None:
        self._source = source
        self._events = events
        self._lines: dict[Key, int] = {}
        self._nodes = 0

    def document(self) -> Document:
        data: object = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refuse(event, "a second document; a site file has one")
                data = self._node(next(self._events), ())
        return Document(self._source, data, self._lines)

    def _node(self, event: yaml.Event, key: Key) -> object:
        self._nodes += 1
        if self._nodes > MAX_NODES or len(key) > MAX_DEPTH:
            raise self._refuse(event, f"too large or too deep; at most {MAX_NODES} values, {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise self._refuse(event, "an anchor or alias (& or *); write the value out, or put it into quotes")
        if (tag := getattr(event, "tag", None)) is not None:
            raise self._refuse(event, f"the tag {tag!r}; tags are not allowed, leave it out")
        self._lines.setdefault(key, _line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(key)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(key)
        assert isinstance(event, yaml.ScalarEvent)  # noqa: S101 - the parser has no other node
        return _scalar(event)

    def _mapping(self, key: Key) -> dict[str, object]:
        result: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None or not event.value:
                raise self._refuse(event, "a key that is not a plain word")
            name = event.value
            inner = (*key, name)
            if name in result:
                raise self._refuse(event, f"{show_key(inner)} twice; the first is in line {self._lines[inner]}")
            self._lines[inner] = _line(event)
            result[name] = self._node(next(self._events), inner)
        return result

    def _sequence(self, key: Key) -> list[object]:
        result: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            result.append(self._node(event, (*key, len(result))))
        return result

    def _refuse(self, event: yaml.Event, what: str) -> ConfigurationError:
        return ConfigurationError(f"{self._source}:{_line(event)}: {what}")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def _scalar(event: yaml.ScalarEvent) -> object:
    text: str = event.value
    if event.style:  # quoted or block
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.match(text):
        return int(text)
    if _DECIMAL.match(text):
        return float(text)
    return text
