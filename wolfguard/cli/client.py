# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the running gateway over its management socket: HTTP/1.1 and JSON, one connection for all of a command.

Owns the transport and the turning of its failures into errors with exit codes. Must not know what answers mean.
"""

from __future__ import annotations

import http.client
import io
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote, urlencode

from wolfguard.cli.failure import FAILED, NOT_PERMITTED, NOT_RUNNING, CommandError

ANSWER_SECONDS: Final = 75.0
ANSWER_MAX: Final = 16 * 1024 * 1024

Json = dict[str, Any]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


Exchange = Callable[[bytes], bytes]
"""All that is sent in, all that comes back until the other side closes. Raises OSError."""


class _Carried:
    """As much of a socket as http.client needs, for one request that somebody else carries to its socket."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._sent = self._answer = b""

    def sendall(self, data: bytes) -> None:
        self._sent += data

    def carry(self) -> None:
        sent, self._sent = self._sent, b""
        self._answer = self._exchange(sent)

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._answer)

    def close(self) -> None:
        """There is nothing to close."""


class _CarriedConnection(http.client.HTTPConnection):
    def __init__(self, exchange: Exchange) -> None:
        super().__init__("localhost")
        self._exchange = exchange

    def connect(self) -> None:
        self.sock: Any = _Carried(self._exchange)

    def getresponse(self) -> http.client.HTTPResponse:
        # here, where a failure is a failure: a response that is half made complains on its way out (Python 3.13)
        self.sock.carry()
        return super().getresponse()


class Client:
    """Raises CommandError for every failure: code 3 when nothing answers, 4 when this user may not ask that. With
    `exchange` the socket is another machine's, and each request has a connection of its own."""

    def __init__(self, path: Path, *, as_json: bool = False, exchange: Exchange | None = None) -> None:
        self._path = path
        self._as_json = as_json
        self._headers = {} if exchange is None else {"Connection": "close"}
        self._connection = _UnixConnection(path) if exchange is None else _CarriedConnection(exchange)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def get(self, path: str, **query: int | str) -> Json:
        return self.ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def pages(self, path: str, name: str, first: int | str) -> Iterator[Json]:
        """Every item of a list that comes in pages."""
        after = first
        while True:
            page = self.get(path, after=after)
            yield from page[name]
            if not page["next"]:
                return
            after = page["next"]

    def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """The answer's JSON object."""
        content = None if body is None else json.dumps(body).encode()
        headers = self._headers if content is None else {**self._headers, "Content-Type": "application/json"}
        try:
            self._connection.request(method, path, content, headers)
            response = self._connection.getresponse()
            raw = response.read(ANSWER_MAX)
        except (FileNotFoundError, ConnectionRefusedError):
            raise self._failure(
                f"no gateway answers at {self._path}; start it with `sudo wolfguard run`, "
                "or name its socket with --socket",
                NOT_RUNNING,
                "not_running",
            ) from None
        except PermissionError:
            raise self._failure(
                f"this user may not use {self._path}; use sudo, or have an administrator add you to the group "
                "wolfguard-auditor, wolfguard-operator or wolfguard-admin",
                NOT_PERMITTED,
                "forbidden",
            ) from None
        except TimeoutError:
            raise self._failure(f"no answer in {ANSWER_SECONDS:g} s; its log says more", FAILED, "timeout") from None
        except (OSError, http.client.HTTPException) as error:
            text = f"the gateway ended the connection ({type(error).__name__}); it may be restarting, try again"
            raise self._failure(text, NOT_RUNNING, "closed") from None
        return self._read(response.status, raw)

    def _read(self, status: int, raw: bytes) -> Json:
        try:
            value = json.loads(raw)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self._failure(f"{self._path} does not answer like a gateway (HTTP {status})", FAILED, "protocol")
        if status >= 300:
            error = value.get("error", {})
            exit_code = NOT_PERMITTED if status == 403 else FAILED
            raise self._failure(error.get("text", f"HTTP {status}"), exit_code, error.get("code", "failed"))
        return value

    def _failure(self, text: str, exit_code: int, code: str) -> CommandError:
        return CommandError(text, exit_code=exit_code, code=code, as_json=self._as_json)


def segment(name: str | int) -> str:
    """A value as one segment of a path."""
    return quote(str(name), safe="")
