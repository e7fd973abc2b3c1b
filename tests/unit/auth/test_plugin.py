# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins: the documented example at work, and modules that keep no promise."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from wolfguard.auth.foreign import ForeignBackend
from wolfguard.auth.plugin import load
from wolfguard.config.site import Backend, Plugin
from wolfguard.errors import StartError
from wolfguard.ipc.factors import ACCEPT, ASK, NO_CONTEXT, REJECT, UNAVAILABLE, FactorAnswer, FactorStep
from wolfguard.ipc.logins import Peer
from wolfguard.procs.authd.process import Authd
from wolfguard.procs.child import Sender
from wolfguard.secret import Secret

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "write-a-backend.md"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ForeignBackend:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "example_backend.py").write_text(code, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "example_backend", raising=False)
    return load(entry("example_backend"))


def entry(module: str) -> Backend:
    return Backend("desk", "plugin", plugin=Plugin(module, "anna staff"))


def step(number: int, word: bytes = b"", backend: str = "desk") -> FactorStep:
    answers = (("word", Secret(word)),) if number else ()
    peer = Peer("192.0.2.1", 40000, "198.51.100.1", 443)
    return FactorStep("c", backend, number, "main", "anna", peer, "client", answers, NO_CONTEXT)


def answered(authd: Authd, message: FactorStep) -> FactorAnswer:
    answer = asyncio.run(authd._step(message, Sender("sessiond", 0)))
    assert isinstance(answer, FactorAnswer)
    return answer


def test_the_documented_example_works_in_authd(example: ForeignBackend) -> None:
    authd = Authd()
    authd.backends = {"desk": example}
    assert answered(authd, step(0)).state == ASK
    assert answered(authd, step(1, b"whale")) == FactorAnswer(ACCEPT, groups=("staff",))
    assert answered(authd, step(1, b"shark")) == FactorAnswer(REJECT, reason="word")
    assert answered(authd, step(0, backend="other")) == FactorAnswer(UNAVAILABLE, reason="backend")


def test_an_exception_means_unavailable(example: ForeignBackend) -> None:
    class Broken:
        async def step(self, step: FactorStep) -> FactorAnswer:
            raise ValueError("secret words")

        async def cancel(self, conversation: str) -> None:
            """Nothing."""

    authd = Authd()
    authd.backends = {"desk": Broken()}
    assert answered(authd, step(0)) == FactorAnswer(UNAVAILABLE, reason="failed")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("import nothing_there", "cannot be loaded"),
        ("backend = 3", "no function backend"),
        ("def backend(name, settings):\n    raise ValueError('no')", "refuses its settings"),
        ("def backend(name, settings):\n    return name", "no method step"),
    ],
)
def test_modules_that_keep_no_promise(code: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "bad_backend", raising=False)
    (tmp_path / "bad_backend.py").write_text(code, "utf-8")
    with pytest.raises(StartError, match=text):
        load(entry("bad_backend"))


def test_a_module_that_is_not_there() -> None:
    with pytest.raises(StartError, match="cannot be loaded"):
        load(entry("no_such_module_of_anybody"))
