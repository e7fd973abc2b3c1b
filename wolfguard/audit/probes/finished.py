# SPDX-License-Identifier: GPL-3.0-or-later
"""A handshake that is finished by both sides, and what the listener says after it without being asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.probes.dialled import Refused, dial
from wolfguard.audit.tls.finishes import FINISHES
from wolfguard.audit.vantage import Vantage

UNASKED_SECONDS: Final = 0.4


def handshake(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """By one of the offers. Raises Unobservable where nobody answers, or this library cannot offer it."""
    listener, name = vantage.listener(), arguments["offer"]
    source = f"{listener}, finished handshake {name}"
    if name not in FINISHES:
        raise Unobservable(f"there is no offer {name!r} to finish; there are: {', '.join(FINISHES)}")
    try:
        with dial(listener, name) as connection:
            unasked = connection.unasked(UNASKED_SECONDS)
            return Observation({"finished": True, "suite": connection.suite, "unasked_bytes": unasked}, source)
    except Refused as error:
        return Observation({"finished": False, "end": str(error)}, source)
