# SPDX-License-Identifier: GPL-3.0-or-later
"""The DTLS of a live tunnel, up to the server's hello, which is in the clear: no key is used and none is needed.

Owns the datagrams and how often they are sent: UDP may lose each of them."""

from __future__ import annotations

import socket
from typing import Final

from wolfguard.audit.tls.answer import ACCEPTED, Answer, NotTlsError, datagram
from wolfguard.audit.tls.hello import Offer, datagram_hello
from wolfguard.audit.tls.offers import DATAGRAMS
from wolfguard.audit.web.tunnel import Datagrams
from wolfguard.crypto.random import random_bytes
from wolfguard.policy.expect import Value

ANSWER_SECONDS: Final = 1.0
ATTEMPTS: Final = 3
NOT_OFFERED: Final = "not offered"
_DATAGRAM_BYTES: Final = 65_535


def shaken(address: str, offered: Datagrams, name: str) -> tuple[dict[str, Value], dict[str, str]]:
    """What each of the offers gets, by its name, and why some could not be seen, by their keys."""
    seen: dict[str, Value] = {}
    unseen: dict[str, str] = {}
    for offer_name, offer in DATAGRAMS.items():
        try:
            found = _once(address, offered, offer, name)
        except (OSError, NotTlsError) as error:
            unseen[f"datagrams/{offer_name}"] = f"the tunnel's DTLS could not be asked: {error}"
            continue
        if found is None:
            unseen[f"datagrams/{offer_name}"] = "the tunnel's DTLS did not answer; UDP may not get through"
        else:
            seen[offer_name] = _facts(found)
    return seen, {**unseen, **{f"{key}/{part}": why for key, why in unseen.items() for part in ("answer", "suite")}}


def _once(address: str, offered: Datagrams, offer: Offer, name: str) -> Answer | None:
    """Raises OSError and NotTlsError. Each has a socket of its own: a path has one association."""
    random, cookie = random_bytes(32), b""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as outside:
        outside.settimeout(ANSWER_SECONDS)
        outside.connect((address, offered.port))
        for _ in range(ATTEMPTS):
            outside.send(datagram_hello(offer, random, name, offered.app_id, cookie))
            try:
                said = datagram(outside.recv(_DATAGRAM_BYTES))
            except TimeoutError:
                continue
            if isinstance(said, Answer):
                return said
            cookie = said or cookie
    return None


def _facts(answer: Answer) -> dict[str, Value]:
    if answer.kind != ACCEPTED:
        return {"answer": answer.kind}
    return {
        "answer": answer.kind,
        "suite": answer.suite,
        "extended_master_secret": answer.extended_master_secret,
    }
