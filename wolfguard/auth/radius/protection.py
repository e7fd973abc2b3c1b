# SPDX-License-Identifier: GPL-3.0-or-later
"""What ties a reply to its request and hides the password: nothing but TLS in RADIUS/1.1, MD5 in historic RADIUS.

`Token` is RFC 9765: TLS protects everything, a 32-bit token pairs reply and request, no MD5 anywhere. `Historic` is
RFC 2865 with RFC 3579: NOT APPROVED, and refused under FIPS profiles by the configuration. Its Message-Authenticator is
sent first in every packet and required of every packet (CVE-2024-3596, "BlastRADIUS").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from wolfguard.auth.radius import packet
from wolfguard.auth.radius.packet import Attributes, Packet
from wolfguard.crypto import digest
from wolfguard.crypto.not_approved import hmac_md5, md5
from wolfguard.errors import LocalError, PeerError
from wolfguard.secret import Secret

USER_PASSWORD: Final = 2
MESSAGE_AUTHENTICATOR: Final = 80
RADSEC: Final = Secret(b"radsec")
"""The shared secret of historic RADIUS inside TLS, known to all (RFC 6614 section 2.3)."""

_ZEROS: Final = bytes(16)
_PASSWORD_MAX: Final = 128
# Requests whose authenticator is a digest over the packet, not a random number (RFC 2866 section 3, RFC 5176 2.3).
_DIGESTED: Final = frozenset({packet.ACCOUNTING_REQUEST, packet.DISCONNECT_REQUEST, packet.COA_REQUEST})


@dataclass(frozen=True, slots=True)
class Sealed:
    """A request as it is sent; `number` finds it when its reply comes, `authenticator` proves that reply."""

    number: int
    data: bytes
    authenticator: bytes


class Protection(Protocol):
    """One of the two ways. `numbers` is how many requests can be under way on one connection."""

    numbers: int
    password_max: int

    def request(self, code: int, number: int, attributes: Attributes, nonce: bytes) -> Sealed:
        """A request with this number; `nonce` is 16 random bytes."""

    def number_of(self, reply: Packet) -> int: ...

    def check(self, reply: Packet, data: bytes, request: Sealed) -> Packet:
        """The reply with what proved it removed. Raises PeerError when it is not this request's."""

    def accept(self, data: bytes) -> Packet:
        """A request of the server (RFC 5176). Raises PeerError when it is not proved."""

    def answer(self, code: int, request: Packet, attributes: Attributes) -> bytes:
        """Our answer to it."""


class Token:
    numbers = 1 << 32
    password_max = packet.VALUE_MAX

    def request(self, code: int, number: int, attributes: Attributes, nonce: bytes) -> Sealed:
        token = number.to_bytes(4, "big") + bytes(12)
        return Sealed(number, packet.encode(Packet(code, 0, token, attributes)), token)

    def number_of(self, reply: Packet) -> int:
        return int.from_bytes(reply.authenticator[:4], "big")

    def check(self, reply: Packet, data: bytes, request: Sealed) -> Packet:
        """The token was compared by who found the request. An authenticator that came by mistake is ignored (RFC 9765
        section 5.2)."""
        return Packet(reply.code, 0, reply.authenticator, packet.without(reply.attributes, MESSAGE_AUTHENTICATOR))

    def accept(self, data: bytes) -> Packet:
        got = packet.decode(data)
        return Packet(got.code, got.number, got.authenticator, packet.without(got.attributes, MESSAGE_AUTHENTICATOR))

    def answer(self, code: int, request: Packet, attributes: Attributes) -> bytes:
        return packet.encode(Packet(code, 0, request.authenticator[:4] + bytes(12), attributes))


class Historic:
    """`secret` is shared with the server."""

    numbers = 256
    password_max = _PASSWORD_MAX

    def __init__(self, secret: Secret) -> None:
        if not secret:
            raise LocalError("RADIUS without a shared secret protects nothing: give one")
        self._secret = secret

    def request(self, code: int, number: int, attributes: Attributes, nonce: bytes) -> Sealed:
        digested = code in _DIGESTED
        hidden = tuple(
            (kind, self._hide(value, nonce) if kind == USER_PASSWORD else value) for kind, value in attributes
        )
        data = self._with_authenticator(Packet(code, number, _ZEROS if digested else nonce, hidden))
        if digested:
            data = _in_place(data, 4, md5(data + self._secret.reveal()))
        return Sealed(number, data, data[4:20])

    def number_of(self, reply: Packet) -> int:
        return reply.number

    def check(self, reply: Packet, data: bytes, request: Sealed) -> Packet:
        accounting = reply.code == packet.ACCOUNTING_RESPONSE
        # FreeRADIUS makes that of an Accounting-Response over zeros, as that of its request is (RFC 5176 section 3.4);
        # the Response Authenticator below ties the reply to the request either way.
        self._check_authenticator(reply, data, request.authenticator, *((_ZEROS,) if accounting else ()))
        expected = md5(_in_place(data, 4, request.authenticator) + self._secret.reveal())
        if not digest.equal(expected, reply.authenticator):
            raise PeerError("radius_forged", "response authenticator")
        return Packet(
            reply.code, reply.number, reply.authenticator, packet.without(reply.attributes, MESSAGE_AUTHENTICATOR)
        )

    def accept(self, data: bytes) -> Packet:
        got = packet.decode(data)
        if not digest.equal(md5(_in_place(data, 4, _ZEROS) + self._secret.reveal()), got.authenticator):
            raise PeerError("radius_forged", "request authenticator")
        self._check_authenticator(got, data, _ZEROS)
        return Packet(got.code, got.number, got.authenticator, packet.without(got.attributes, MESSAGE_AUTHENTICATOR))

    def answer(self, code: int, request: Packet, attributes: Attributes) -> bytes:
        data = self._with_authenticator(Packet(code, request.number, request.authenticator, attributes))
        return _in_place(data, 4, md5(data + self._secret.reveal()))

    # --- inside ------------------------------------------------------------------------------------------------------

    def _with_authenticator(self, plain: Packet) -> bytes:
        """The packet's bytes with a Message-Authenticator as its first attribute."""
        first = ((MESSAGE_AUTHENTICATOR, _ZEROS), *plain.attributes)
        data = packet.encode(Packet(plain.code, plain.number, plain.authenticator, first))
        return _in_place(data, packet.HEADER + 2, hmac_md5(self._secret.reveal(), data))

    def _check_authenticator(self, got: Packet, data: bytes, *authenticators: bytes) -> None:
        """It must have been made with one of these in the place of the packet's own authenticator."""
        values = got.all(MESSAGE_AUTHENTICATOR)
        if not values:
            raise PeerError("radius_unauthenticated", "no Message-Authenticator")
        if len(values) > 1 or len(values[0]) != len(_ZEROS):
            raise PeerError("radius_forged", "Message-Authenticator")
        at = packet.HEADER
        while data[at] != MESSAGE_AUTHENTICATOR:
            at += data[at + 1]
        blank = _in_place(data, at + 2, _ZEROS)
        made = (hmac_md5(self._secret.reveal(), _in_place(blank, 4, each)) for each in authenticators)
        if not any(digest.equal(each, values[0]) for each in made):
            raise PeerError("radius_forged", "Message-Authenticator")

    def _hide(self, password: bytes, nonce: bytes) -> bytes:
        """RFC 2865 section 5.2."""
        if len(password) > _PASSWORD_MAX:
            raise LocalError(f"historic RADIUS carries passwords of up to {_PASSWORD_MAX} bytes")
        padded = password.ljust(max(16, (len(password) + 15) // 16 * 16), b"\0")
        out = b""
        before = nonce
        for at in range(0, len(padded), 16):
            mask = md5(self._secret.reveal() + before)
            before = bytes(a ^ b for a, b in zip(padded[at : at + 16], mask, strict=True))
            out += before
        return out


def _in_place(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]
