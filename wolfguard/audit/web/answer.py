# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP/1.1 answer (RFC 9112): bytes in, a whole answer out, within limits.

Owns framing alone. Whether the server closes after it is the caller's to see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

HEAD_MAXIMUM: Final = 64 * 1024
BODY_MAXIMUM: Final = 512 * 1024
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?")
_NAME: Final = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")


class NotHttpError(ValueError):
    """What came is no HTTP answer; the text says where."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are lower case, in order of arrival. A `body` may hold a cookie or a flow: never evidence whole."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str:
        """The first value (name in lower case), or ""."""
        return next((value for key, value in self.headers if key == name), "")

    def values(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.headers if key == name)


class AnswerReader:
    """One answer. `feed` until it is there; `end` where the server has closed."""

    def __init__(self, *, head_alone: bool = False) -> None:
        """`head_alone`: what follows the head is no body, as after a CONNECT."""
        self._head_alone = head_alone
        self._data = bytearray()
        self._head: Answer | None = None

    def feed(self, data: bytes) -> Answer | None:
        """Raises NotHttpError."""
        self._data += data
        while self._head is None:
            head, separator, rest = bytes(self._data).partition(b"\r\n\r\n")
            if len(head) > HEAD_MAXIMUM:
                raise NotHttpError("a head without an end")
            if not separator:
                if not b"HTTP/1.".startswith(head[:7]):
                    raise NotHttpError("something else than HTTP")
                return None
            found = _head(head)
            self._data = bytearray(rest)
            if found.status >= 200:  # an interim answer is followed by another one
                self._head = found
        if len(self._data) > BODY_MAXIMUM:
            raise NotHttpError("a body without an end")
        return self._whole(self._head)

    def end(self) -> Answer | None:
        """What it was, if the end of the connection is the end of its body; None if there was none, or not all."""
        head = self._head
        if head is None or head.header("content-length") or head.header("transfer-encoding"):
            return None
        return Answer(head.status, head.headers, bytes(self._data))

    def _whole(self, head: Answer) -> Answer | None:
        if self._head_alone or head.status in (204, 304):
            return head
        if "chunked" in head.header("transfer-encoding").lower():
            body = _chunks(bytes(self._data))
            return None if body is None else Answer(head.status, head.headers, body)
        length = head.header("content-length")
        if not length:
            return None
        if not length.isdecimal() or int(length) > BODY_MAXIMUM:
            raise NotHttpError("a body of a length that makes no sense")
        if len(self._data) < int(length):
            return None
        return Answer(head.status, head.headers, bytes(self._data[: int(length)]))


def _head(head: bytes) -> Answer:
    first, *lines = head.split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if status is None:
        raise NotHttpError("a status line of another form")
    headers: list[tuple[str, str]] = []
    for line in lines:
        name, separator, value = line.partition(b":")
        if not separator or _NAME.fullmatch(name) is None:
            raise NotHttpError("a header of another form")
        headers.append((name.decode("ascii").lower(), value.strip().decode("latin-1")))
    return Answer(int(status[1]), tuple(headers))


def _chunks(data: bytes) -> bytes | None:
    """RFC 9112 section 7.1; None while some are missing."""
    body = bytearray()
    while True:
        size, separator, data = data.partition(b"\r\n")
        if not separator:
            return None
        try:
            length = int(size.partition(b";")[0], 16)
        except ValueError:
            raise NotHttpError("a chunk of another form") from None
        if length == 0:
            return bytes(body)
        if len(data) < length + 2:
            return None
        body += data[:length]
        data = data[length + 2 :]
