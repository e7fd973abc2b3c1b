# SPDX-License-Identifier: GPL-3.0-or-later
"""One datagram of a channel: its four forms, and how it crosses a socket together with descriptors.

Forms, as JSON lists: ["q", id, name, fields] asks, ["n", 0, name, fields] tells, ["r", id, name, fields] answers,
["e", id, code, text] answers "no". Must not know who may send what (`ipc.dispatch`).
"""

from __future__ import annotations

import array
import contextlib
import enum
import os
import socket
from collections.abc import Iterable, Sequence
from typing import Any, Final

from wolfguard.errors import LocalError, PeerError
from wolfguard.ipc import codec
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.messages import Notice, Reply, Request

DESCRIPTORS_MAX: Final = 253
"""SCM_MAX_FD of Linux: more do not fit into one message."""

_ID_MAX = 2**53
_NAME_MAX = 64
_TEXT_MAX = 2000
_ANCILLARY = socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)


class Kind(enum.Enum):
    REQUEST = "q"
    NOTICE = "n"
    REPLY = "r"
    ERROR = "e"


def request(number: int, message: Request) -> bytes:
    return codec.dump([Kind.REQUEST.value, number, type(message).__name__, codec.to_json(message)])


def notice(message: Notice) -> bytes:
    return codec.dump([Kind.NOTICE.value, 0, type(message).__name__, codec.to_json(message)])


def reply(number: int, message: Reply) -> bytes:
    """Falls back to the error "too_large" when the answer does not fit: the asker can ask for less."""
    try:
        return codec.dump([Kind.REPLY.value, number, type(message).__name__, codec.to_json(message)])
    except LocalError as reason:
        return error(number, IpcError("too_large", str(reason)))


def error(number: int, reason: IpcError) -> bytes:
    # A text may quote input: what is no Unicode, and what is too long, must not keep the answer from being sent.
    text = reason.text[:_TEXT_MAX].encode(errors="replace").decode()
    return codec.dump([Kind.ERROR.value, number, reason.code[:_NAME_MAX], text])


def parse(data: bytes) -> tuple[Kind, int, str, Any]:
    """Kind, id, name (or error code), fields (or error text), the latter unchecked. Raises PeerError."""
    value = codec.load(data)
    if type(value) is not list or len(value) != 4:
        raise PeerError("ipc_malformed", "not a list of four")
    letter, number, name, body = value
    try:
        kind = Kind(letter)
    except ValueError:
        raise PeerError("ipc_malformed", "unknown form") from None
    if type(number) is not int or not (0 <= number <= _ID_MAX) or (number == 0) != (kind is Kind.NOTICE):
        raise PeerError("ipc_malformed", "id")
    if type(name) is not str or len(name) > _NAME_MAX:
        raise PeerError("ipc_malformed", "name")
    return kind, number, name, body


def parse_error(code: str, text: Any) -> IpcError:
    """The other side's "no". Raises PeerError when even that is malformed."""
    if type(text) is not str or len(text) > _TEXT_MAX or not code.isascii():
        raise PeerError("ipc_malformed", "error")
    return IpcError(code, text)


def send(sock: socket.socket, data: bytes, descriptors: Sequence[int]) -> None:
    """Sends all or raises OSError (BlockingIOError when the socket is full)."""
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    sock.sendmsg([data], ancillary, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


def receive(sock: socket.socket, descriptors: list[int]) -> bytes:
    """One datagram; b"" at the end. Fills `descriptors`, which the caller owns even when this raises.

    Raises OSError, and PeerError when the datagram or its descriptors did not fit.
    """
    data, ancillary, flags, _ = sock.recvmsg(
        codec.DATAGRAM_LIMIT + 1, _ANCILLARY, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
    )
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers = array.array("i")
            numbers.frombytes(payload[: len(payload) - len(payload) % numbers.itemsize])
            descriptors.extend(numbers)
    if flags & socket.MSG_CTRUNC:
        raise PeerError("ipc_oversized", "descriptors did not fit; the limit of open files may be reached")
    if flags & socket.MSG_TRUNC:
        raise PeerError("ipc_oversized", "datagram")
    return data


def close_all(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
