# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is offered DTLS beside TLS, and under which name its first datagram finds this worker.

Owns the conditions and the making of App-IDs. The key is exported from the client's TLS by the data plane; nothing here
ever sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wolfguard.config.endpoints import hears_datagrams
from wolfguard.config.site import Configuration, Site
from wolfguard.engine import Datagram
from wolfguard.ipc.logins import Peer

APP_ID_BYTES: Final = 32


class Offers:
    """`start` is the configuration with which the sockets were opened, whatever a reload says since. `random` gives as
    many bytes as asked for."""

    def __init__(self, start: Configuration, slot: int, random: Callable[[int], bytes]) -> None:
        self._start = start
        self._slot = slot
        self._random = random

    def datagram(self, site: Site, peer: Peer, *, wanted: bool) -> Datagram | None:
        """None for a client that cannot have it. Every offer has a name of its own, so that a client that comes back
        makes a new DTLS connection too, with the key of its new TLS."""
        crypto = site.crypto
        if not wanted or not crypto.suites_dtls12:
            return None
        if not hears_datagrams(self._start, peer.local_address, peer.local_port):
            return None
        return Datagram(
            # The first byte leads the kernel to this worker's socket; the others are not to be guessed.
            app_id=bytes([self._slot]) + self._random(APP_ID_BYTES - 1),
            suites=crypto.suites_dtls12,
            require_extended_master_secret=crypto.require_extended_master_secret_dtls,
        )
