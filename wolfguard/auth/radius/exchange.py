# SPDX-License-Identifier: GPL-3.0-or-later
"""A step of a login as an Access-Request, and its reply as the answer to the step.

Owns which attributes we send, the challenge and its State (RFC 2865 section 5.24), and what travels from one step to
the next: the server that asked and its State, so that nothing is kept here. Must not know servers' addresses or lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wolfguard.auth.radius import attributes as meaning
from wolfguard.auth.radius import packet
from wolfguard.auth.radius.dictionary import number, pair
from wolfguard.auth.radius.packet import Attributes, Packet
from wolfguard.errors import PeerError
from wolfguard.ipc.factors import ACCEPT, ASK, REJECT, UNAVAILABLE, FactorAnswer, FactorStep
from wolfguard.ipc.logins import FormField
from wolfguard.secret import Secret

USER_MAX: Final = packet.VALUE_MAX
_NAS_PORT_VIRTUAL: Final = 5
_ECHO: Final = (1).to_bytes(4, "big")
_ASKED: Final = "password"


@dataclass(frozen=True, slots=True)
class Context:
    """What goes from a challenge to its answer: the server's place in the list, and its State."""

    server: int
    state: bytes

    def pack(self) -> Secret:
        return Secret(bytes((self.server,)) + self.state)


def context(step: FactorStep) -> Context | None:
    """None at the first step."""
    data = step.context.reveal()
    return Context(data[0], data[1:]) if data else None


def request(step: FactorStep, *, nas: str, password_max: int) -> Attributes | None:
    """The attributes of the Access-Request; None for a name or a password that RADIUS cannot carry."""
    user = step.user.encode()
    answer = dict(step.answers).get(_ASKED)
    password = answer.reveal() if answer is not None else b""
    # RFC 2865 section 5.2 pads with NUL, so that a password that ends with one would arrive as another.
    if not 0 < len(user) <= USER_MAX or len(password) > password_max or b"\0" in password:
        return None
    found = [
        pair("User-Name", user),
        pair("User-Password", password),
        pair("NAS-Identifier", nas),
        pair("NAS-Port-Type", _NAS_PORT_VIRTUAL),
        pair("Called-Station-Id", step.site),
    ]
    if step.peer.address:
        found.append(pair("Calling-Station-Id", step.peer.address))
    agent = "".join(character for character in step.user_agent[:200] if character.isprintable())
    if agent:
        found.append(pair("Connect-Info", agent))
    before = context(step)
    if before is not None and before.state:
        found.append(pair("State", before.state))
    return tuple(found)


def answer(reply: Packet, server: int) -> FactorAnswer:
    """The reply's meaning; a reply that is proved but unusable means "unavailable", with the reason as a label."""
    try:
        if reply.code == packet.ACCESS_REJECT:
            return FactorAnswer(REJECT, message=meaning.text(reply.attributes), reason="rejected")
        if reply.code == packet.ACCESS_ACCEPT:
            reading = meaning.read(reply.attributes)
            said = meaning.text(reply.attributes)
            return FactorAnswer(ACCEPT, message=said, groups=reading.groups, attributes=reading.attributes)
        return _challenge(reply, server)
    except PeerError as error:
        return FactorAnswer(UNAVAILABLE, reason=error.label)


def status(nas: str) -> Attributes:
    """Of a Status-Server request (RFC 5997)."""
    return (pair("NAS-Identifier", nas),)


def _challenge(reply: Packet, server: int) -> FactorAnswer:
    states = reply.all(number("State"))
    if len(states) > 1:
        raise PeerError("radius_attribute", "State")
    said = meaning.text(reply.attributes)
    echo = reply.all(number("Prompt")) == (_ECHO,)
    field = FormField(_ASKED, "text" if echo else "password", "Answer:")
    kept = Context(server, states[0] if states else b"")
    return FactorAnswer(ASK, fields=(field,), message=said, context=kept.pack())
