# SPDX-License-Identifier: GPL-3.0-or-later
"""nursery as a process: hears pam's words, which are datagrams, and has helpers forked and ended.

"+" and a number, with the socket of a new helper; "-" and its number, to end it. The words come from a confined process
of the gateway, never from a client; what is no such word ends the channel, and with it every helper.
"""

from __future__ import annotations

import asyncio
import socket
from typing import ClassVar, Final

from wolfguard.procs.child import Child, Started
from wolfguard.procs.log import Log
from wolfguard.procs.nursery.children import Children
from wolfguard.procs.nursery.helper import Helper
from wolfguard.procs.nursery.library import Library

WORD_MAX: Final = 32
WORDS_A_TURN: Final = 16
HELPERS_MAX: Final = 7000

log = Log(__name__)


class NurseryProcess(Child):
    process: ClassVar[str] = "nursery"

    def __init__(self) -> None:
        self._children: Children | None = None
        self._words: socket.socket | None = None

    async def prepare(self, start: Started) -> None:
        backends = start.configuration.backends
        services = {backend.name: backend.pam for backend in backends if backend.pam is not None}
        self._children = Children(Helper(Library(), services).work)

    async def attached_raw(self, peer: str, slot: int, index: int, fd: int) -> None:
        self._close()
        self._words = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=fd)
        self._words.setblocking(False)
        asyncio.get_running_loop().add_reader(self._words, self._hear)

    async def stop(self, drain: bool) -> None:
        """pam is told to stop at the same time, and its helpers close what they hold."""
        if self._children is not None:
            self._children.leave()
            await self._children.gone()
        self._close()

    def _close(self) -> None:
        """pam has ended: the logins that its helpers carried have too; those that hold sessions close them."""
        words, self._words = self._words, None
        if words is not None:
            asyncio.get_running_loop().remove_reader(words)
            words.close()
        if self._children is not None:
            self._children.leave()

    def _hear(self) -> None:
        for _ in range(WORDS_A_TURN):
            if self._words is None:
                return
            try:
                word, descriptors, _, _ = socket.recv_fds(self._words, WORD_MAX, 1)
            except BlockingIOError:
                return
            except OSError:
                word, descriptors = b"", []
            if not word or not self._do(word, descriptors):
                self._close()

    def _do(self, word: bytes, descriptors: list[int]) -> bool:
        children = self._children
        socks = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=each) for each in descriptors]
        try:
            kind, number = chr(word[0]), int(word[1:])
        except ValueError:
            kind, number = "", 0
        if children is None or kind not in ("+", "-") or len(socks) != (1 if kind == "+" else 0):
            log.error("bad_word")
            for sock in socks:
                sock.close()
            return False
        if kind == "-":
            children.end(number)
            return True
        if len(children) >= HELPERS_MAX:
            socks[0].close()
            return True
        try:
            children.begin(number, socks[0])
        except OSError as error:
            # The socket is closed by now: pam sees a helper that has ended.
            log.error("fork_failed", error=error.strerror or "")
        return True
