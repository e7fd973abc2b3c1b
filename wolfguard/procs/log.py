# SPDX-License-Identifier: GPL-3.0-or-later
"""How every process writes its log: one line an event on stderr, `level process event key=value ...`.

Owns the form of a line. A line never holds a line break, a control character or the text of an unknown exception
(which may quote a secret or a client's input): such an exception shows as its type and the places it passed through.
Reading source files for a traceback is also what a seccomp filter would refuse.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from types import TracebackType
from typing import Any, Final

from wolfguard.errors import WolfguardError

VALUE_MAX: Final = 500
LINE_MAX: Final = 4000
PLACES_MAX: Final = 12

_PLAIN_EXTRA = frozenset("._-:/@,+[]%*")
_ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Log:
    """Writes events of one subject: `log.info("tunnel_open", session=7, peer="192.0.2.1")`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: object) -> None:
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """Inside an `except` block: adds the type of the exception and where it came from."""
        self._logger.error("%s", line(event, fields), exc_info=True)

    def _write(self, level: int, event: str, fields: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", line(event, fields))


def line(event: str, fields: dict[str, object]) -> str:
    """`event key=value ...`; values that are not plain words are quoted as JSON strings."""
    return " ".join([event, *(f"{name}={_value(value)}" for name, value in fields.items())])


def describe(error: BaseException) -> str:
    """`Type: text at file:line < file:line`, innermost first; the text only of errors that are made for people."""
    text = ""
    if isinstance(error, WolfguardError):
        text = f": {error}"
    elif isinstance(error, OSError) and error.strerror:
        text = f": {error.strerror}"
    places: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    at = " < ".join(reversed(places[-PLACES_MAX:])) or "nowhere"
    described = f"{type(error).__name__}{text} at {at}"
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{described}; after {type(cause).__name__}" if cause is not None else described


def start(process: str, slot: int | None = None, level: int = logging.INFO) -> None:
    """Sends everything that this process logs to stderr in this form. `slot` tells workers apart (worker/3)."""
    name = process if slot is None else f"{process}/{slot}"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(name))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    # A full or closed stderr must not turn into a traceback on that same stderr.
    logging.raiseExceptions = False


def loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An exception handler for the loop: its own would write the repr of tasks, and with it the exception's words."""
    error = context.get("exception")
    text = describe(error) if isinstance(error, BaseException) else "none"
    logging.getLogger(__name__).error("%s", line("loop_error", {"what": context.get("message", ""), "error": text}))


class LineFormatter(logging.Formatter):
    """Any record of `logging`, ours or a library's, as one line."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def format(self, record: logging.LogRecord) -> str:
        text = _clean(record.getMessage())
        if record.exc_info:
            text = f"{text} error={_value(self.formatException(record.exc_info))}"
        return f"{record.levelname.lower()} {self._name} {text}"[:LINE_MAX]

    def formatException(self, ei: _ExceptionInfo) -> str:  # noqa: N802 - the name is logging's
        return describe(ei[1]) if ei[1] is not None else ""


def _value(value: object) -> str:
    text = value if isinstance(value, str) else repr(value) if isinstance(value, bytes) else str(value)
    text = text[:VALUE_MAX]
    if text and all(character.isalnum() or character in _PLAIN_EXTRA for character in text):
        return text
    return _clean(json.dumps(text, ensure_ascii=False))


def _clean(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    # By hand: Python loads the codec "unicode_escape" from a file at its first use.
    number = ord(character)
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    return short or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")
