# SPDX-License-Identifier: GPL-3.0-or-later
"""Half a handshake with a listener, and a datagram of a stranger: sockets and limits of time.

Owns what silence means. A listener that closes without a word has refused only if it does so again and again, and
answers good hellos between; else it sheds load or is not there, and nothing was seen."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.tls.answer import Answer, Flight, NotTlsError
from wolfguard.audit.tls.hello import client_hello, datagram_hello, ssl2_hello
from wolfguard.audit.tls.offers import OFFERS, SSL2
from wolfguard.audit.vantage import Listener, Vantage
from wolfguard.crypto.random import random_bytes
from wolfguard.policy.expect import Value

ANSWER_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 1.5
ATTEMPTS: Final = 4
PAUSE_SECONDS: Final = 0.7
CLOSED_AT_LEAST: Final = 3
CLOSED: Final = "closed"
NOTHING: Final = "nothing"
_DATAGRAM_BYTES: Final = 65_535


def answer(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """To one of the offers. Raises Unobservable where nobody answers anything."""
    listener = vantage.listener()
    name = arguments["offer"]
    source = f"{listener}, offer {name}"
    found = shake(listener, name)
    if found is None:
        return Observation({"answer": CLOSED}, source)
    seen: dict[str, Value] = {"answer": found.kind}
    if found.alert:
        seen["alert"] = found.alert
    else:
        seen |= {"version": found.version, "suite": found.suite, "session_id": found.session_id}
        seen["extended_master_secret"] = found.extended_master_secret
        seen["secure_renegotiation"] = found.secure_renegotiation
        if found.group:
            seen["group"] = found.group
    return Observation(seen, source)


def datagrams(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Raises Unobservable where nobody hears UDP there."""
    listener = vantage.listener()
    family = _family(listener)
    with socket.socket(family, socket.SOCK_DGRAM) as outside:
        outside.settimeout(SILENCE_SECONDS)
        try:
            outside.connect((listener.address, listener.port))
            outside.send(datagram_hello(OFFERS["tls12-psk"], random_bytes(32), listener.name))
            answered = len(outside.recv(_DATAGRAM_BYTES))
        except TimeoutError:
            return Observation({"answer": NOTHING}, f"{listener}, UDP")
        except OSError as error:
            raise Unobservable(f"{listener} hears no UDP ({error.strerror})") from None
    return Observation({"answer": f"{answered} bytes"}, f"{listener}, UDP")


def shake(listener: Listener, name: str) -> Answer | None:
    """The answer to an offer, None for a listener that closes without a word but answers others. Raises
    Unobservable."""
    if name not in OFFERS and name != SSL2:
        raise Unobservable(f"there is no offer {name!r}; there are: {', '.join([*OFFERS, SSL2])}")
    closed = 0
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS)  # a limit on handshakes a second is part of what is looked at
        if (found := _once(listener, name)) is not None:
            return found
        # one connection can be shed while the next is not, so once is not enough
        closed += name != "modern" and _once(listener, "modern") is not None
    if closed < CLOSED_AT_LEAST:
        raise Unobservable(f"{listener} closes every connection without a word")
    return None


def _once(listener: Listener, name: str) -> Answer | None:
    """None: closed before an answer. Raises Unobservable."""
    flight = Flight()
    try:
        with socket.create_connection((listener.address, listener.port), ANSWER_SECONDS) as connection:
            if name == SSL2:
                connection.sendall(ssl2_hello(random_bytes(16)))
            else:
                connection.sendall(client_hello(OFFERS[name], random_bytes(32), listener.name))
            end = time.monotonic() + ANSWER_SECONDS
            while True:
                connection.settimeout(max(end - time.monotonic(), 0.01))
                data = connection.recv(16_384)
                if not data:
                    return None
                if (found := flight.feed(data)) is not None:
                    return found
    except NotTlsError as error:
        raise Unobservable(f"{listener} does not answer like TLS: {error}") from None
    except TimeoutError:
        raise Unobservable(f"{listener} did not answer within {ANSWER_SECONDS:g} s") from None
    except (ConnectionResetError, BrokenPipeError):
        return None
    except OSError as error:
        raise Unobservable(f"{listener} cannot be reached ({error.strerror or error})") from None


def _family(listener: Listener) -> int:
    return socket.AF_INET6 if ":" in listener.address else socket.AF_INET
