# SPDX-License-Identifier: GPL-3.0-or-later
"""A log line is one line, whatever is put into it, and never quotes an unknown exception."""

from __future__ import annotations

import logging

import pytest

from wolfguard.errors import PeerError
from wolfguard.procs import log


def formatted(record: logging.LogRecord) -> str:
    return log.LineFormatter("worker/1").format(record)


def record(message: str, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("x", logging.WARNING, "file", 1, message, (), info)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "k=5"),
        ("192.0.2.1:443", "k=192.0.2.1:443"),
        ("two words", 'k="two words"'),
        ('quote"', 'k="quote\\""'),
        ("", 'k=""'),
        ("a=b", 'k="a=b"'),
        ("line\nbreak", 'k="line\\nbreak"'),
        ("\x1b[31m\u2028", 'k="\\u001b[31m\\u2028"'),
        ("übergang", "k=übergang"),
        (b"\x00", "k=\"b'\\\\x00'\""),
        ("x" * 1000, f"k={'x' * log.VALUE_MAX}"),
    ],
)
def test_values(value: object, text: str) -> None:
    assert log.line("event", {"k": value}) == f"event {text}"


def test_a_line_has_level_process_and_event() -> None:
    assert formatted(record("serving slots=2")) == "warning worker/1 serving slots=2"


def test_a_librarys_line_cannot_break_out() -> None:
    assert formatted(record("one\ninfo worker/1 forged")) == "warning worker/1 one\\ninfo worker/1 forged"
    assert len(formatted(record("x" * 10000))) == log.LINE_MAX


def caught(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except Exception as raised:
        return raised


def test_an_unknown_exception_shows_type_and_place_only() -> None:
    text = formatted(record("died", caught(ValueError("hush"), KeyError("hush"))))
    assert "hush" not in text
    assert "ValueError at test_log.py:" in text
    assert "after KeyError" in text


def test_errors_for_people_show_their_text() -> None:
    assert "PeerError: cookie: dead at test_log.py:" in log.describe(caught(PeerError("cookie", "dead")))
    assert "FileNotFoundError: No such file" in log.describe(caught(FileNotFoundError(2, "No such file", "/x")))
    assert log.describe(ValueError("hush")) == "ValueError at nowhere"


def test_events_go_through_logging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    subject = log.Log("wolfguard.test")
    subject.debug("unheard")
    subject.info("opened", session=7)
    try:
        raise ValueError("hush")
    except ValueError:
        subject.exception("broke", peer="a b")
    assert caplog.messages == ["opened session=7", 'broke peer="a b"']
