# SPDX-License-Identifier: GPL-3.0-or-later
"""What an attacker in a worker says through the channels and the device that a worker holds by right.

No filter of system calls sees a difference to the worker's own work: what stops these is at the other end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.system.payload.attempt import DISPATCH, OWNERSHIP, PACKET_FILTER


@dataclass(frozen=True, slots=True)
class Word:
    """`outcome` says what comes of it, for people; the test of that name looks."""

    name: str
    tries: str
    layer: str
    outcome: str


ENDED: Final = "the worker is ended"

FORGED_KIND: Final = Word("forged kind", "tell sessiond what only the supervisor may", DISPATCH, ENDED)
FORGED_SHUTDOWN: Final = Word("forged shutdown", "ask the supervisor to end the gateway", DISPATCH, ENDED)
BROKEN_MESSAGE: Final = Word("broken message", "tell sessiond what does not parse", DISPATCH, ENDED)
FORGED_SIGNATURE: Final = Word("forged signature", "ask keyd for something that is no digest", "keyd",
                               "keyd refuses, counts it and ends the channel")  # fmt: skip
OTHERS_TUNNEL: Final = Word("other's tunnel", "end the tunnel of a sibling's client", OWNERSHIP, "nothing happens")
OTHERS_SOURCE: Final = Word("other's source", "a packet with the address of a sibling's client", PACKET_FILTER,
                            "dropped, counted as spoofed_by_client")  # fmt: skip
STRANGE_SOURCE: Final = Word("strange source", "a packet with an address of no client", PACKET_FILTER,
                             "dropped, counted as spoofed_by_client")  # fmt: skip

WORDS: Final = (
    FORGED_KIND,
    FORGED_SHUTDOWN,
    BROKEN_MESSAGE,
    FORGED_SIGNATURE,
    OTHERS_TUNNEL,
    OTHERS_SOURCE,
    STRANGE_SOURCE,
)
