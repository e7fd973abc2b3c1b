# SPDX-License-Identifier: GPL-3.0-or-later
"""The end that asks: one process (ssh, docker exec, our own) whose pipes lead to `serving` on another machine.

Owns that process, who waits for which answer, and when the other end counts as lost: its process has ended, it has not
been heard of for a while, or it says what nobody has asked for. What has been lost once stays lost. Believes nothing:
what comes is bounded before it comes, and has another form than ours at its sender's own risk.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from wolfguard.audit.complaint import READ_MAXIMUM, complaint
from wolfguard.audit.far.frames import HELLO, BrokenError, Frames, Head, frame
from wolfguard.audit.observation import Unobservable
from wolfguard.audit.place import Missing
from wolfguard.errors import LocalError

START_SECONDS: Final = 30.0
SILENCE_SECONDS: Final = 15.0
ANSWER_SECONDS: Final = 25.0
END_SECONDS: Final = 2.0
NOISE_MAXIMUM: Final = 256 * 1024
_REASON_MAXIMUM: Final = 300
_PART: Final = 64 * 1024
_MODULES: Final = (
    "wolfguard.linux.clock",
    "wolfguard.audit.looking",
    "wolfguard.audit.far.frames",
    "wolfguard.audit.far.serving",
)
"""In the order in which they import each other. The packages above them are left empty there."""

STARTER: Final = (
    "import json,sys,types\n"
    "sys.version_info<(3,11) and sys.exit('Python %d.%d is too old there, 3.11 is needed'%sys.version_info[:2])\n"
    "for n,t in json.loads(sys.stdin.buffer.readline()):\n"
    " p=n.split('.')\n"
    " for i in range(1,len(p)):\n"
    "  sys.modules.setdefault('.'.join(p[:i]),types.ModuleType(p[0])).__path__=[]\n"
    " m=sys.modules[n]=types.ModuleType(n)\n"
    " exec(compile(t,n,'exec'),m.__dict__)\n"
    " setattr(sys.modules['.'.join(p[:-1])],p[-1],m)\n"
    "m.serve(0,sys.stdout.buffer)"
)
"""What Python runs there first, as an argument: it reads one line with the modules, and then serves."""


def modules() -> bytes:
    """The line that STARTER reads."""
    texts = [(name, (files("wolfguard") / f"{name.partition('.')[2].replace('.', '/')}.py").read_text("utf-8"))
             for name in _MODULES]  # fmt: skip
    return json.dumps(texts, ensure_ascii=True).encode("ascii") + b"\n"


@dataclass(slots=True)
class _Question:
    """`most`: bytes that its answer may have. `answer` is there when `done` is set, or else the channel is lost."""

    most: int
    done: threading.Event = field(default_factory=threading.Event)
    answer: tuple[Head, bytes] | None = None


class Channel:
    """`command` says what leads to `serving`, and raises LocalError; `first` is what it reads before any question:
    `modules` for a Python that runs STARTER. `name` is how texts call the machine. The first question starts it."""

    def __init__(
        self, name: str, command: Callable[[], Sequence[str]], first: bytes = b"", silence: float = SILENCE_SECONDS
    ) -> None:
        self._name = name
        self._first = first
        self._command = command
        self._silence = silence
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = threading.Event()
        self._questions: dict[int, _Question] = {}
        self._errors = bytearray()
        self._lost = ""
        self.trips = 0

    @property
    def lost(self) -> str:
        """Why, as a sentence; empty while it is not."""
        return self._lost

    def ask(self, do: str, most: int, seconds: float = ANSWER_SECONDS, **words: Any) -> tuple[Head, bytes]:
        """Raises Missing or Unobservable, as the other end says or because there is none any more."""
        self._start()
        question = _Question(most)
        with self._lock:
            if self._lost:
                raise Unobservable(self._lost)
            self.trips += 1
            number = self.trips
            self._questions[number] = question
        self._send(frame({"id": number, "do": do, **words}))
        if not question.done.wait(seconds):
            with self._lock:
                self._questions.pop(number, None)
            raise Unobservable(self._lost or f"{self._name} did not answer within {seconds:g} s")
        if question.answer is None:
            raise Unobservable(self._lost)
        head, body = question.answer
        if "problem" in head:
            kind = Missing if head.get("missing") is True else Unobservable
            raise kind(str(head["problem"])[:_REASON_MAXIMUM])
        return head, body

    def close(self) -> None:
        """Ends it; also one that was never started."""
        self._lose(f"{self._name} is no longer looked at")

    def _start(self) -> None:
        """Starts it unless somebody has, and waits until there is an answer or none will come."""
        with self._lock:
            if self._process is None and not self._lost:
                try:
                    self._process = subprocess.Popen(
                        self._command(),
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                        start_new_session=True,
                    )
                except (OSError, LocalError) as error:
                    self._lost = f"{self._name} cannot be looked at: {getattr(error, 'strerror', None) or error}"
                    self._ready.set()
                else:
                    threading.Thread(target=self._run, args=(self._process,), daemon=True).start()
        self._ready.wait(START_SECONDS + END_SECONDS)
        if self._lost:
            raise Unobservable(self._lost)

    def _run(self, process: subprocess.Popen[bytes]) -> None:
        try:
            self._hear(process)
        except BrokenError as error:
            self._lose(f"{self._name} answers in another form than ours ({error})")
        except (OSError, ValueError):
            self._lose(f"{self._name} is gone")
        finally:
            self._lose(f"{self._name} is gone")
            with self._writing:
                for stream in (process.stdin, process.stdout, process.stderr):
                    if stream is not None:
                        with contextlib.suppress(OSError):
                            stream.close()

    def _hear(self, process: subprocess.Popen[bytes]) -> None:
        """Everything that comes, until nothing does."""
        if process.stdout is None or process.stderr is None:
            raise TypeError("a process without its pipes")
        out, errors = process.stdout.fileno(), process.stderr.fileno()
        self._send(self._first)
        frames, noise, told = Frames(self._most), bytearray(), 0
        poll = select.poll()
        for descriptor in (out, errors):
            poll.register(descriptor, select.POLLIN)
        end = time.monotonic() + START_SECONDS
        while told < 2:
            ready = poll.poll(max(end - time.monotonic(), 0) * 1000)
            if not ready:
                limit = self._silence if self._ready.is_set() else START_SECONDS
                self._lose(f"{self._name} has not been heard of for {limit:g} s{self._said()}")
                return
            for descriptor, _ in ready:
                data = os.read(descriptor, _PART)
                if not data:
                    poll.unregister(descriptor)
                    told += 1
                elif descriptor == errors:
                    self._errors = (self._errors + data)[-READ_MAXIMUM:]
                elif self._ready.is_set():
                    self._take(frames.feed(data))
                else:
                    noise += data
                    before, hello, rest = bytes(noise).partition(HELLO)
                    if hello:
                        self._ready.set()
                        self._take(frames.feed(rest))
                    elif len(before) > NOISE_MAXIMUM:
                        raise BrokenError("a login that prints without end")
                if descriptor == out and self._ready.is_set():
                    end = time.monotonic() + self._silence
        code = process.wait(END_SECONDS)
        how = "has gone" if self._ready.is_set() else "cannot be looked at"
        self._lose(f"{self._name} {how}{self._said() or f': the way there ended with {code}'}")

    def _most(self, head: Head) -> int:
        question = self._questions.get(_number(head))
        return 0 if question is None else question.most

    def _take(self, frames: list[tuple[Head, bytes]]) -> None:
        for head, body in frames:
            with self._lock:
                question = self._questions.pop(_number(head), None)
            if question is not None:
                question.answer = head, body
                question.done.set()

    def _send(self, data: bytes) -> None:
        """To somebody who does not read it is not written for ever: he is silent too, and lost by then."""
        process = self._process
        if process is None or process.stdin is None:
            return
        with self._writing, contextlib.suppress(OSError, ValueError):
            process.stdin.write(data)
            process.stdin.flush()

    def _said(self) -> str:
        """What its errors say of why."""
        said = complaint(bytes(self._errors))
        return f": {said}" if said else ""

    def _lose(self, why: str) -> None:
        with self._lock:
            if self._lost:
                return
            self._lost = why
            waiting = list(self._questions.values())
            self._questions.clear()
        self._ready.set()
        for question in waiting:
            question.done.set()
        if self._process is not None:
            _end(self._process)


def _number(head: Head) -> int:
    number = head.get("id")
    return number if isinstance(number, int) else 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it has started here. Over there the end of its input ends it."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
