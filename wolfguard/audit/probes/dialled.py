# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished handshake with a listener, and bytes through it: the socket and its limits of time.

Owns what an end means. A handshake that the listener refuses is an answer; one that it sheds is tried again, since a
limit on handshakes a second is part of what is looked at.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from wolfguard.audit.observation import Unobservable
from wolfguard.audit.probes.handshake import ANSWER_SECONDS, ATTEMPTS, PAUSE_SECONDS
from wolfguard.audit.tls.finishes import ANY, FINISHES
from wolfguard.audit.tls.hello import is_address
from wolfguard.audit.vantage import Listener
from wolfguard.crypto.witness import Witness
from wolfguard.errors import LocalError, PeerError

_RECEIVED: Final = 16_384


class Refused(Unobservable):
    """The listener is there, and does not finish this handshake. The text says how it ended."""


class Shed(Unobservable):
    """The listener has closed before it said anything."""


class Dialled:
    """One connection whose handshake is finished. Methods raise Unobservable for a listener that has gone astray;
    its end is an answer, b""."""

    def __init__(self, listener: Listener, offer: str) -> None:
        """Raises Refused, Shed and Unobservable."""
        self.listener, self.offer = listener, offer
        name = "" if is_address(listener.name) else listener.name
        try:
            self._tls = Witness(replace(FINISHES[offer], server_name=name))
            self._socket = socket.create_connection((listener.address, listener.port), ANSWER_SECONDS)
        except LocalError as error:
            raise Unobservable(f"the library of this command cannot offer {offer}: {error}") from None
        except OSError as error:
            raise Unobservable(f"{listener} cannot be reached ({error.strerror or error})") from None
        self._ended = False
        try:
            self.suite = self._shake(time.monotonic() + ANSWER_SECONDS)
        except BaseException:
            self._socket.close()
            raise

    @property
    def version(self) -> str:
        return FINISHES[self.offer].version

    @property
    def chain(self) -> tuple[bytes, ...]:
        """DER, the listener's own certificate first."""
        return self._tls.chain

    @property
    def peer(self) -> str:
        """The address at which it was reached."""
        return str(self._socket.getpeername()[0])

    @property
    def here(self) -> bool:
        """Whether nothing between the two ends leaves this machine: both have one address."""
        return bool(self._socket.getsockname()[0] == self._socket.getpeername()[0])

    def send(self, data: bytes) -> None:
        """All of it, or as much as the listener takes before it closes."""
        try:
            for at in range(0, len(data), _RECEIVED):
                if not self._tls.write(data[at : at + _RECEIVED]):
                    raise Unobservable(f"{self.listener} reads nothing")
                self._flush()
        except PeerError:
            self._ended = True
        except ConnectionError:
            pass  # it has closed; what it said before can still be read
        except TimeoutError:
            raise Unobservable(f"{self.listener} reads nothing") from None

    def receive(self, seconds: float = ANSWER_SECONDS) -> bytes | None:
        """What comes next: b"" for the end, None where nothing comes in that time."""
        end = time.monotonic() + seconds
        while not self._ended:
            try:
                if (plain := self._tls.read()) is not None:
                    return plain
            except PeerError:
                break
            if (data := self._take(end)) is None:
                return None
            self._feed(data)
        self._ended = True
        return b""

    def unasked(self, seconds: float) -> int:
        """Bytes that the listener sends now, although nobody has asked it anything: tickets, if it is quiet else."""
        self._socket.settimeout(seconds)
        try:
            data = self._socket.recv(_RECEIVED)
        except TimeoutError:
            return 0
        except OSError:
            return 0
        self._feed(data)
        return len(data)

    def close(self) -> None:
        self._tls.close()
        with suppress(OSError):  # it may have been closed from the other side
            self._flush()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _shake(self, end: float) -> str:
        """The suite. Raises Refused and Shed."""
        heard = False
        while True:
            try:
                done = self._tls.handshake()
                self._flush()
                if done is not None:
                    return done[1]
                data = self._take(end)
            except PeerError as error:
                raise Refused(f"{self.listener} does not finish the handshake ({error.label})") from None
            except OSError:
                data = b""
            if data is None:
                raise Unobservable(f"{self.listener} did not answer within {ANSWER_SECONDS:g} s")
            if not data:
                kind = Refused if heard else Shed
                raise kind(f"{self.listener} closes in the handshake, without a word")
            heard = True
            self._feed(data)

    def _take(self, end: float) -> bytes | None:
        """None: nothing in time."""
        self._socket.settimeout(max(end - time.monotonic(), 0.01))
        try:
            return self._socket.recv(_RECEIVED)
        except TimeoutError:
            return None
        except OSError:
            return b""

    def _feed(self, data: bytes) -> None:
        self._ended |= not data
        try:
            self._tls.feed(data)
        except PeerError:
            raise Unobservable(f"{self.listener} sends more than was asked for") from None

    def _flush(self) -> None:
        self._socket.settimeout(ANSWER_SECONDS)
        while pending := self._tls.pending():
            self._tls.sent(self._socket.send(pending))


def dial(listener: Listener, offer: str) -> Dialled:
    """Raises Refused, and Unobservable where nobody is there or everything is shed."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        try:
            return Dialled(listener, offer)
        except Shed as error:
            shed = error
    raise Unobservable(str(shed))


@contextmanager
def dialled(listener: Listener) -> Iterator[Dialled]:
    """A connection by whichever offer the listener takes. Raises Unobservable."""
    problem: Unobservable | None = None
    for offer in ANY:
        try:
            connection = dial(listener, offer)
        except Unobservable as error:
            problem = problem or error
            continue
        with connection:
            yield connection
        return
    raise problem or Unobservable("no offer")
