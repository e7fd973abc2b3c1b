# SPDX-License-Identifier: GPL-3.0-or-later
"""A real `openconnect` in a namespace: started, watched through its own output, stopped.

Owns the command line and the reading of the output. Must not know the gateway. `runner` lets tests run other builds of
the client from other root file systems.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wolfguard.errors import WolfguardError
from wolfguard.linux.namespace import Namespace

CONNECTED = re.compile(r"(?:Configured|Connected) as (\S+?)(?:,| )")
# The client says "Configured" before its script has set the routes, so the script says when it is through.
SCRIPT = '/usr/share/vpnc-scripts/vpnc-script; echo "script finished: $reason"'
ROUTED = re.compile(r"script finished: connect")
# Both libraries' builds say it in these words; the suite is named in the library's own way.
DATAGRAMS = re.compile(r"Established DTLS connection \(using (?:GnuTLS|OpenSSL)\)\. Ciphersuite (\S+)\.")


class ClientError(WolfguardError):
    """The client ended or stayed silent; the text is what it printed last."""


def plain(command: Sequence[str]) -> list[str]:
    return list(command)


@dataclass
class Client:
    """`secrets` are the lines for its standard input; `device` names its tunnel interface; without `dtls` it stays on
    TLS."""

    namespace: Namespace
    server: str
    authority: Path
    user: str = ""
    secrets: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    device: str = "tun0"
    dtls: bool = False
    program: str = "openconnect"
    runner: Callable[[Sequence[str]], list[str]] = plain
    output: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    _partial: bytes = b""
    _searched: int = 0
    _datagrams: int = 0

    def command(self) -> list[str]:
        words = [
            self.program, "--protocol=anyconnect", f"--cafile={self.authority}", f"--interface={self.device}",
            f"--script={SCRIPT}", "--verbose", "--timestamp", "--reconnect-timeout=60",
            *([] if self.dtls else ["--no-dtls"]),
            *([f"--user={self.user}"] if self.user else []),
            *(["--passwd-on-stdin"] if self.secrets else []),
            *self.options, self.server,
        ]  # fmt: skip
        return self.namespace.inside(self.runner(words))

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if self.process.stdin is not None:
            self.process.stdin.write("".join(f"{line}\n" for line in self.secrets).encode())
            self.process.stdin.close()
            self.process.stdin = None  # else communicate() would flush it

    def wait_for(self, pattern: str | re.Pattern[str], limit: float = 20.0) -> re.Match[str]:
        """The next line that matches, after the one found by the call before. Raises ClientError at the client's end
        or after `limit` seconds."""
        found, self._searched = self._search(pattern, self._searched, limit)
        return found

    def wait_dtls(self, limit: float = 20.0) -> str:
        """The suite of the next DTLS connection that it reports, after the one told by the call before. The client
        waits with its routes until its first try of DTLS has ended, so the line may stand before what connect() read.
        """
        found, self._datagrams = self._search(DATAGRAMS, self._datagrams, limit)
        return found.group(1)

    def _search(self, pattern: str | re.Pattern[str], start: int, limit: float) -> tuple[re.Match[str], int]:
        """The first matching line at or after the one numbered `start`, and the number of the line after it."""
        end = time.monotonic() + limit
        while True:
            while start < len(self.output):
                start += 1
                if found := re.search(pattern, self.output[start - 1]):
                    return found, start
            if not self._read(end):
                raise ClientError(f"openconnect did not say {pattern!r} within {limit:.0f} s:\n{self.tail()}")

    def _read(self, end: float) -> bool:
        """Takes what it printed; False when nothing came until `end`. Raises ClientError when it ended."""
        if self.process is None or self.process.stdout is None:
            raise ClientError("openconnect was not started: call start() first")
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(max(0.0, end - time.monotonic())):
                return False
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            raise ClientError(f"openconnect ended with {self.process.wait()}:\n{self.tail()}")
        *lines, self._partial = (self._partial + data).split(b"\n")
        self.output += [line.decode(errors="replace") for line in lines]
        return True

    def connect(self, limit: float = 20.0) -> str:
        """Starts it and waits for tunnel and routes; returns the inside address that it reports."""
        self.start()
        address = self.wait_for(CONNECTED, limit).group(1)
        self.wait_for(ROUTED, limit)
        return address

    def wait_end(self, limit: float = 20.0) -> int:
        """Waits for the client to end by itself; keeps its output; returns the exit code."""
        if self.process is None:
            raise ClientError("openconnect was not started: call start() first")
        try:
            rest, _ = self.process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise ClientError(f"openconnect still runs after {limit:.0f} s:\n{self.tail()}") from None
        self.output += (self._partial + (rest or b"")).decode(errors="replace").splitlines()
        return self.process.returncode

    def stop(self, limit: float = 10.0) -> None:
        """SIGINT: the client says BYE and takes its interface down."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()

    def said(self, pattern: str) -> bool:
        return any(re.search(pattern, line) for line in self.output)

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.output[-lines:])
