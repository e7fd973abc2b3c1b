# SPDX-License-Identifier: GPL-3.0-or-later
"""What a listener answers to one HTTP request of somebody who has not logged in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.probes.dialled import Dialled, dialled
from wolfguard.audit.probes.handshake import ANSWER_SECONDS
from wolfguard.audit.vantage import Listener, Vantage
from wolfguard.audit.web import form, requests
from wolfguard.audit.web.answer import Answer, AnswerReader, NotHttpError
from wolfguard.crypto.random import random_bytes
from wolfguard.policy.expect import Value

CLOSED: Final = 0
"""The status of a connection that ends without an answer."""
TEXT_MAXIMUM: Final = 4096
_HEADERS: Final = (
    "cache-control", "strict-transport-security", "content-security-policy", "x-content-type-options",
    "x-frame-options", "referrer-policy",
)  # fmt: skip
_PRODUCTS: Final = re.compile(
    rb"(?i)\b(wolfguard|wolfssl|openssl|gnutls|ocserv|openvpn|python|h11|nginx|apache|debian|ubuntu|red hat)\b"
    rb"|(?<![\d.])\d+\.\d+\.\d+(?![\d.])"
)


def answered(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """To one of the requests. Raises Unobservable where no handshake can be finished, or what comes is no HTTP."""
    listener, name = vantage.listener(), arguments["request"]
    if name not in requests.STRAY:
        raise Unobservable(f"there is no request {name!r}; there are: {', '.join(requests.STRAY)}")
    with dialled(listener) as connection:
        answer = ask(connection, requests.stray(name, host(listener), random_bytes(32)))
    seen: dict[str, Value] = {"status": CLOSED if answer is None else answer.status}
    if answer is not None:
        seen |= facts(answer)
    return Observation(seen, f"{listener}, request {name}")


def ask(connection: Dialled, request: bytes, *, head_alone: bool = False) -> Answer | None:
    """The answer, None where the listener closes without one. Raises Unobservable."""
    reader = AnswerReader(head_alone=head_alone)
    connection.send(request)
    try:
        while True:
            data = connection.receive(ANSWER_SECONDS)
            if data is None:
                raise Unobservable(f"{connection.listener} did not answer within {ANSWER_SECONDS:g} s")
            if not data:
                return reader.end()
            if (answer := reader.feed(data)) is not None:
                return answer
    except NotHttpError as error:
        raise Unobservable(f"{connection.listener} does not answer like HTTP: {error}") from None


def host(listener: Listener) -> str:
    return listener.name or str(listener)


def facts(answer: Answer) -> dict[str, Value]:
    """By the keys of the probe "web", without the status."""
    told = b"\n".join(f"{name}: {value}".encode("latin-1", "replace") for name, value in answer.headers)
    products = {found[0].decode().lower() for found in _PRODUCTS.finditer(told + b"\n" + answer.body)}
    found: dict[str, Value] = {
        "headers": {name: answer.header(name) for name in _HEADERS if answer.header(name)},
        "products": tuple(sorted(products)),
        "open_cookies": form.open_cookies(answer),
    }
    try:
        page = form.read(answer)
    except form.NoFormError:
        return found
    found["consent"] = page.consent
    found["inputs"] = tuple(each.kind for each in page.inputs)
    return {**found, "notice": page.notice[:TEXT_MAXIMUM]} if page.notice else found
