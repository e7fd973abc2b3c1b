# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic through a tunnel, measured with ping and iperf3.

Owns the command lines and the reading of their results. Must not know gateways or clients.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wolfguard.errors import WolfguardError
from wolfguard.linux.namespace import Namespace

PORT = 5201


class TrafficError(WolfguardError):
    """No packet came back, or iperf3 failed."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """`seconds` of one TCP stream, `bytes` that arrived."""

    seconds: float
    bytes: int

    @property
    def gigabits(self) -> float:
        return self.bytes * 8 / self.seconds / 1e9 if self.seconds else 0.0


def ping(namespace: Namespace, address: str, count: int = 5, size: int = 56, patience: float = 2.0) -> float:
    """Average round trip in milliseconds; all packets must come back within `patience` seconds. Raises TrafficError."""
    command = ["ping", "-n", "-q", "-i", "0.05", "-W", str(patience), "-c", str(count), "-s", str(size), address]
    result = subprocess.run(namespace.inside(command), check=False, capture_output=True, text=True)
    received = re.search(r"(\d+) received", result.stdout)
    average = re.search(r"= [\d.]+/([\d.]+)/", result.stdout)
    if received is None or average is None or int(received.group(1)) != count:
        raise TrafficError(f"ping {address} from {namespace.name}: {result.stdout.strip() or result.stderr.strip()}")
    return float(average.group(1))


@contextmanager
def iperf_server(namespace: Namespace, port: int = PORT) -> Iterator[None]:
    """An iperf3 server in a namespace for the time of the block."""
    server = subprocess.Popen(
        namespace.inside(["iperf3", "-s", "-p", str(port), "--forceflush"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        for line in server.stdout or ():
            if b"listening" in line:
                break
        yield
    finally:
        server.terminate()
        server.communicate()


def transfer(
    namespace: Namespace,
    address: str,
    *,
    down: bool,
    seconds: int = 0,
    size: int = 0,
    tries: int = 3,
    port: int = PORT,
) -> Transfer:
    """One TCP stream to (or, `down`, from) an iperf3 server, for so many seconds or until `size` bytes have been sent.

    Raises TrafficError.
    """
    until = ["-n", str(size)] if size else ["-t", str(seconds)]
    command = ["iperf3", "-J", "-c", address, "-p", str(port), *until, *(["-R"] if down else [])]
    for attempt in range(tries):
        result = subprocess.run(namespace.inside(command), check=False, capture_output=True, text=True)
        report = json.loads(result.stdout) if result.stdout.strip() else {}
        if "error" not in report and report:
            total = report["end"]["sum_received"]
            return Transfer(float(total["seconds"]), int(total["bytes"]))
        # a server that has just ended the run before answers "busy" for a moment
        if attempt + 1 < tries:
            time.sleep(0.3)
    raise TrafficError(f"iperf3 to {address}: {report.get('error', result.stderr.strip())}")
