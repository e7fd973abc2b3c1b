# SPDX-License-Identifier: GPL-3.0-or-later
"""The end that is on the machine that is looked at: questions from standard input, answers to standard output.

Owns which questions there are; each is one of `looking`'s, and none of them changes anything. Its text is sent there
and lives in memory alone: no file is written. It ends, with all programs that it has started, when its input does.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any, BinaryIO, Final

from wolfguard.audit import looking
from wolfguard.audit.far.frames import HELLO, Frames, Head, frame
from wolfguard.audit.looking import Unseen

AT_A_TIME: Final = 8
BEAT_SECONDS: Final = 3.0
BATCH_BYTES: Final = 8 * 1024 * 1024
"""Of many files, those behind the one that fills it are asked for again."""
_PART: Final = 64 * 1024


def serve(questions: int, answers: BinaryIO) -> None:
    """Until the end of `questions`, a descriptor. Never returns: a thread that hangs in a look is left where it is."""
    server = _Server(answers)
    frames = Frames(lambda head: 0)
    try:
        answers.write(HELLO)
        answers.flush()
        threading.Thread(target=server.beat, daemon=True).start()
        while data := os.read(questions, _PART):
            for head, _ in frames.feed(data):
                server.take(head)
    finally:
        looking.end_all()
        os._exit(0)


class _Server:
    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._lock = threading.Lock()
        self._free = threading.Semaphore(AT_A_TIME)

    def beat(self) -> None:
        """Says again and again that there is somebody."""
        wait = threading.Event()
        while not wait.wait(BEAT_SECONDS):
            self._say({"beat": True})

    def take(self, head: Head) -> None:
        threading.Thread(target=self._answer, args=(head,), daemon=True).start()

    def _answer(self, head: Head) -> None:
        said: Head = {"id": head.get("id")}
        body = b""
        with self._free:
            try:
                more, body = _look(head)
                said.update(more)
            except Unseen as error:
                said.update(problem=str(error), missing=error.missing)
            except Exception as error:  # whatever it is, the other end waits for an answer
                said.update(problem=f"the look failed ({type(error).__name__})", missing=False)
        self._say(said, body)

    def _say(self, head: Head, body: bytes = b"") -> None:
        with self._lock:
            try:
                self._answers.write(frame(head, body))
                self._answers.flush()
            except OSError:
                looking.end_all()
                os._exit(0)


def _look(head: Head) -> tuple[Head, bytes]:
    """Raises Unseen."""
    what, path = head["do"], str(head.get("path", ""))
    if what == "reads":
        return _reads(head["paths"], int(head["limit"]))
    if what == "listing":
        return {}, _json(looking.listing(path, int(head["count"])))
    if what == "facts":
        return {}, _json(looking.facts(path))
    if what == "walk":
        return {}, _json(list(looking.walk(path, int(head["count"]), int(head["names"]))))
    if what == "run":
        out, code, errors = looking.run(head["command"], path, float(head["within"]), int(head["bytes"]))
        return {"code": code, "out": len(out)}, out + errors
    if what == "exchange":
        sent = str(head["sent"]).encode("latin-1")
        return {}, looking.exchange(path, sent, float(head["within"]), int(head["bytes"]))
    if what == "clock":
        return {}, _json(looking.clock_kept())
    if what == "kernel":
        return {}, _json(looking.kernel())
    raise Unseen(f"there is no question {what!r}")


def _reads(paths: list[str], limit: int) -> tuple[Head, bytes]:
    """Files in their order until BATCH_BYTES are reached: the size of each, or why it could not be read."""
    told: list[Any] = []
    body = bytearray()
    for path in paths:
        try:
            content = looking.read(path, limit)
        except Unseen as error:
            told.append([str(error)[:500], error.missing])
            continue
        if told and len(body) + len(content) > BATCH_BYTES:
            break
        told.append(len(content))
        body += content
    return {"files": told}, bytes(body)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode("ascii")
