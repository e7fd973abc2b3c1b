# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends small datagrams at a given rate from the namespace it runs in; prints how many it sent in how many seconds.

The kernel cuts each send into datagrams (UDP_SEGMENT), so that the sender takes little of the cores that it shares with
what is measured.
"""

from __future__ import annotations

import argparse
import json
import socket
import time

UDP_SEGMENT = 103
BURST = 32
HEADERS = 28


def send(address: str, port: int, size: int, rate: int, seconds: float) -> dict[str, float]:
    """`size` is the whole packet's, IPv4 header included."""
    payload = bytes(size - HEADERS)
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(payload))
        made.connect((address, port))
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < seconds:
            if sent > passed * rate:
                time.sleep(BURST / rate)
                continue
            made.send(payload * BURST)
            sent += BURST
    return {"sent": sent, "seconds": time.monotonic() - begun}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("address")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    print(json.dumps(send(options.address, options.port, options.size, options.rate, options.seconds)))
