# SPDX-License-Identifier: GPL-3.0-or-later
"""Learning, in a process of its own: what would kill is made and told once a kind, what fails softly fails as ever."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import wolfguard
from wolfguard.sandbox import learn, weakening

HERE = Path(__file__).resolve().parent
PACKAGE = Path(wolfguard.__file__).parents[1]


def learning(process: str, act: str) -> tuple[list[str], list[str]]:
    """Lines of standard output and what was learned."""
    done = subprocess.run(
        [sys.executable, "-B", str(HERE / "behind.py"), str(PACKAGE), process, act],
        env={**os.environ, learn.VARIABLE: "log", learn.NAME_VARIABLE: process},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout.splitlines(), [line for line in done.stderr.splitlines() if " learned" in line]


@pytest.mark.parametrize(
    ("act", "call", "detail"),
    [
        ("socket", "socket", "arguments=0x2,"),
        ("kill", "kill", "arguments="),
        ("ioctl", "ioctl", "arg1=0x541b arguments="),
        ("setsockopt", "setsockopt", "arg1=0x6 arg2=0xe arguments="),
        ("executable", "mmap", "arg2=0x5 arguments="),
    ],
)
def test_what_would_kill_is_made_and_told(act: str, call: str, detail: str) -> None:
    said, learned = learning("worker", act)
    assert f"seccomp={weakening.SECCOMP_LEARNING}" in said[0]
    assert said[1].startswith("result: ")
    first, *_ = [line for line in learned if f"call={call} " in line]
    assert re.match(rf"warning worker learned pid=\d+ call={call} number=\d+ {re.escape(detail)}", first), learned
    assert any(re.search(rf"learned_total pid=\d+ call={call} .*times=\d+$", line) for line in learned)


@pytest.mark.parametrize("act", ["nothing", "thread", "blocking"])
def test_what_a_profile_has_is_not_told(act: str) -> None:
    assert learning("worker", act)[1] == []


def test_what_fails_softly_still_does() -> None:
    said, learned = learning("worker", "open")
    assert (said[1], learned) == ("result: refused", [])


def test_a_condition_with_an_error_still_has_it() -> None:
    said, learned = learning("netd", "socket")
    assert (said[1], learned) == (f"result: {os.strerror(97)}", [])


def test_only_a_launcher_that_was_told_to_makes_a_process_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(learn.VARIABLE, raising=False)
    assert not learn.wanted()
    monkeypatch.setenv(learn.VARIABLE, "off")
    assert not learn.wanted()


def test_learning_is_a_weakening_that_no_site_file_can_name() -> None:
    assert weakening.in_force([(weakening.SECCOMP, weakening.SECCOMP_LEARNING)]) == (weakening.LEARNING,)
    assert weakening.in_force([(weakening.SECCOMP, "filter")]) == ()
    assert weakening.LEARNING not in weakening.WORDS
    assert set(weakening.REASONS) == {*weakening.WORDS, weakening.LEARNING}
