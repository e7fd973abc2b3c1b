# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the configuration through another process, and what a reload leaves as it was."""

from __future__ import annotations

import dataclasses
import sys

import pytest

from wolfguard.config.site import Configuration, Limits, Listener, Lockout, Paths
from wolfguard.errors import ConfigurationError
from wolfguard.ipc import codec
from wolfguard.module_state import MODULE_FAILED
from wolfguard.procs.supervisor import ModuleFailedError
from wolfguard.procs.supervisor.configuration import default_command, reading_command, resolve
from wolfguard.procs.supervisor.reload import running

GOOD = Configuration((Listener(),), ())


def program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-c", text)


def test_json_of_the_configuration() -> None:
    assert resolve(program(f"print({codec.encode(GOOD).decode()!r})")) == GOOD


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import sys; print('site.yml:3: what', file=sys.stderr); sys.exit(2)", "^site.yml:3: what$"),
        ("import sys; sys.exit(6)", "ended with status 6"),
        ("print('{}')", "not of this release"),
        ("print('nonsense')", "not of this release"),
    ],
)
def test_what_goes_wrong_is_said(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        resolve(program(text))


def test_a_reader_whose_cryptographic_module_fails() -> None:
    text = f"import sys; print('error module module_failed', file=sys.stderr); sys.exit({MODULE_FAILED})"
    with pytest.raises(ModuleFailedError, match="the module of its reader failed: error module module_failed"):
        resolve(program(text))


def test_a_missing_program() -> None:
    with pytest.raises(ConfigurationError, match="/nowhere/python: No such file"):
        resolve(("/nowhere/python",))


def test_the_default_command_ends_with_the_file() -> None:
    assert default_command("/etc/x.yml")[-4:] == ("config", "resolve", "--make-keys", "/etc/x.yml")
    assert reading_command(default_command("/etc/x.yml"), "/new/python") == (
        "/new/python", "-I", "-B", "-m", "wolfguard.cli", "config", "resolve", "/etc/x.yml",
    )  # fmt: skip


def test_what_was_made_at_start_stays() -> None:
    new = Configuration(
        (Listener("192.0.2.1", 1),),
        (),
        workers=9,
        handshake_threads=9,
        tun_prefix="tun",
        lockout=Lockout(failures=9),
        limits=Limits(sessions=9, logins=9),
        paths=Paths("/a", "/b"),
    )
    kept = running(GOOD, new)
    changed = dataclasses.replace(GOOD, lockout=Lockout(failures=9), limits=Limits(logins=9))
    assert kept == changed
