# SPDX-License-Identifier: GPL-3.0-or-later
"""ClientHellos from as many sources within 127/8 as there is time for; run inside a gateway's namespace, prints one
JSON object: what was sent, in how many seconds, and what came back.

One socket does for all sources: the kernel takes the source of each datagram from its packet info (ip(7)), and answers
to any of them come back to it.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import struct
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

# run by its name inside a namespace
sys.path.append(str(Path(__file__).resolve().parents[3]))

from tests.interop.hostile import hellos

IP_PKTINFO = 8
SOURCES = 1 << 16
DIFFERENT = 512
BATCH = 64


def sources() -> list[bytes]:
    """Packet info for addresses all over 127/8, but for those that things are known to listen on."""
    packed = [(0x7F010000 + 251 * number).to_bytes(4, "big") for number in range(SOURCES)]
    return [struct.pack("=I4s4s", 0, each, bytes(4)) for each in packed]


def flood(port: int, seconds: float, app_id: bytes) -> dict[str, object]:
    """`app_id` empty: every hello names a session of its own that nobody has."""
    said = [hellos.hello(app_id or bytes([number % 4]) + os.urandom(31)) for number in range(DIFFERENT)]
    infos = sources()
    answers: Counter[str] = Counter()
    answered_bytes = sent = lost = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("", 0))
        made.setblocking(False)
        target = ("127.0.0.1", port)
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < seconds:
            for number in range(sent, sent + BATCH):
                info = [(socket.IPPROTO_IP, IP_PKTINFO, infos[number % SOURCES])]
                try:
                    made.sendmsg([said[number % DIFFERENT]], info, 0, target)
                except BlockingIOError:
                    lost += 1
            sent += BATCH
            with suppress(BlockingIOError):
                while answer := made.recv(2048):
                    answers["cookie" if answer[hellos.RECORD_HEAD] == hellos.HELLO_VERIFY_REQUEST else "other"] += 1
                    answered_bytes += len(answer)
    return {
        "sent": sent - lost,
        "bytes": len(said[0]) * (sent - lost),
        "seconds": passed,
        "answers": answers,
        "answered_bytes": answered_bytes,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=443)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--app-id", type=bytes.fromhex, default=b"")
    options = parser.parse_args()
    os.nice(19)  # who floods has a machine of its own
    print(json.dumps(flood(options.port, options.seconds, options.app_id)))
