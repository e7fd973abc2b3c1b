# SPDX-License-Identifier: GPL-3.0-or-later
"""A strict reader and a writer for the small XML documents of aggregate authentication.

Owns well-formedness and limits: UTF-8 only; no DTD, so no entities but the five of XML itself; bounded depth, elements
and attributes (size is bounded by the HTTP body). Must not know what any element means. Parsing is expat's (XML 1.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from wolfguard.errors import LocalError, PeerError

DEPTH_LIMIT: Final = 16
ELEMENT_LIMIT: Final = 512
ATTRIBUTE_LIMIT: Final = 16
NAME_LIMIT: Final = 128

# White space inside an attribute would be turned into blanks by the reader (XML 1.0 §3.3.3), hence the numbers.
_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;"},
)
_ATTRIBUTE_ESCAPES: Final = _ESCAPES | str.maketrans({"\n": "&#10;", "\t": "&#9;"})

DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True)
class Element:
    """One element. `text` is its own character data, joined and untouched: it may be a password."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    children: tuple[Element, ...] = field(default=(), repr=False)
    text: str = field(default="", repr=False)

    def child(self, name: str) -> Element | None:
        """The first child of that name."""
        return next((element for element in self.children if element.name == name), None)

    def child_text(self, name: str) -> str:
        """The text of the first child of that name without white space at its ends, or ""."""
        element = self.child(name)
        return "" if element is None else element.text.strip()


def parse(document: bytes) -> Element:
    """The root element. Raises PeerError: markup_encoding, markup_forbidden, markup_limit, markup_malformed."""
    try:
        document.decode("utf-8")
    except UnicodeDecodeError:
        raise PeerError("markup_encoding", "not UTF-8") from None
    reader = _Reader()
    try:
        # Naming the encoding here overrides what the document claims of itself.
        parser = expat.ParserCreate(encoding="utf-8")
        parser.buffer_text = True
        parser.XmlDeclHandler = reader.declaration
        parser.StartDoctypeDeclHandler = reader.doctype
        parser.ProcessingInstructionHandler = reader.instruction
        parser.StartElementHandler = reader.start
        parser.EndElementHandler = reader.end
        parser.CharacterDataHandler = reader.text
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise PeerError("markup_malformed", f"{expat.ErrorString(error.code)} in line {error.lineno}") from None
    if reader.root is None:
        raise PeerError("markup_malformed", "no element")
    return reader.root


@dataclass(slots=True)
class _Open:
    """An element whose end has not come yet."""

    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


class _Reader:
    """Builds elements from expat's calls and refuses what is outside of the limits as soon as it is seen."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[_Open] = []
        self._elements = 0

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
            raise PeerError("markup_encoding", "the document declares another encoding than UTF-8")

    def doctype(self, name: str, system_id: str | None, public_id: str | None, internal: bool) -> None:
        raise PeerError("markup_forbidden", "a document type declaration")

    def instruction(self, target: str, data: str) -> None:
        raise PeerError("markup_forbidden", "a processing instruction")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > ELEMENT_LIMIT:
            raise PeerError("markup_limit", f"more than {ELEMENT_LIMIT} elements")
        if len(self._open) >= DEPTH_LIMIT:
            raise PeerError("markup_limit", f"deeper than {DEPTH_LIMIT} elements")
        if len(attributes) > ATTRIBUTE_LIMIT:
            raise PeerError("markup_limit", f"more than {ATTRIBUTE_LIMIT} attributes")
        if len(name) > NAME_LIMIT or any(len(key) > NAME_LIMIT for key in attributes):
            raise PeerError("markup_limit", f"a name longer than {NAME_LIMIT} characters")
        self._open.append(_Open(name, attributes))

    def end(self, name: str) -> None:
        done = self._open.pop()
        element = Element(done.name, done.attributes, tuple(done.children), "".join(done.text))
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element

    def text(self, data: str) -> None:
        if self._open:
            self._open[-1].text.append(data)


def render(element: Element) -> str:
    """The element as XML text, everything escaped. Raises LocalError for characters that XML 1.0 cannot carry."""
    attributes = "".join(
        f' {name}="{_legal(value).translate(_ATTRIBUTE_ESCAPES)}"' for name, value in element.attributes.items()
    )
    content = _legal(element.text).translate(_ESCAPES) + "".join(render(child) for child in element.children)
    if not content:
        return f"<{element.name}{attributes}/>"
    return f"<{element.name}{attributes}>{content}</{element.name}>"


def _legal(text: str) -> str:
    """XML 1.0 §2.2: a text with other characters has no spelling at all, not even an escaped one."""
    for character in text:
        point = ord(character)
        if (point < 0x20 and character not in "\t\n\r") or 0xD800 <= point <= 0xDFFF or point in (0xFFFE, 0xFFFF):
            raise LocalError(f"a text holds U+{point:04X}, which XML cannot carry: remove it from the configuration")
    return text
