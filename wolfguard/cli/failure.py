# SPDX-License-Identifier: GPL-3.0-or-later
"""How a command fails: exit codes, and one form of error for people and one for programs.

| code | meaning |
|---|---|
| 0 | done |
| 1 | failed; the message says why |
| 2 | wrong use of the command |
| 3 | the gateway is not running |
| 4 | not permitted |
| 6 | a requirement is not met |
| 7 | a requirement cannot be judged |
| 8 | what was verified does not hold |
"""

from __future__ import annotations

import json
from typing import IO, Any, Final

import click

FAILED: Final = 1
USAGE: Final = 2
NOT_RUNNING: Final = 3
NOT_PERMITTED: Final = 4
REQUIREMENT_UNMET: Final = 6
REQUIREMENT_UNDECIDED: Final = 7
UNSOUND: Final = 8

MEANINGS: Final = {
    0: "done",
    FAILED: "failed; the message says why and what to do",
    USAGE: "wrong use of the command",
    NOT_RUNNING: "the gateway is not running",
    NOT_PERMITTED: "not permitted: another role is needed",
    REQUIREMENT_UNMET: "a requirement is not met: a level of the module, or a rule of an audit",
    REQUIREMENT_UNDECIDED: "a requirement cannot be judged: something could not be looked at, or not trusted",
    UNSOUND: "what was verified does not hold: it was changed, is incomplete, or somebody else has signed it",
}


class CommandError(click.ClickException):
    """`code` is a stable word for programs. `as_json` is set where the caller asked for JSON."""

    def __init__(self, text: str, *, exit_code: int = FAILED, code: str = "failed", as_json: bool = False) -> None:
        super().__init__(text)
        self.exit_code = exit_code  # type: ignore[misc]
        self.code = code
        self.as_json = as_json

    def show(self, file: IO[Any] | None = None) -> None:
        if self.as_json:
            body = {"error": {"code": self.code, "text": self.message}}
            click.echo(json.dumps(body, ensure_ascii=False), err=True)
            return
        click.echo(f"wolfguard: {self.message}", err=True)
