# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of certificates that a listener sends: in a finished handshake of TLS 1.3 or 1.2, and where its keys are
none that a library of ours can take, in the clear of half a handshake of TLS 1.2."""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.probes.dialled import dialled
from wolfguard.audit.probes.handshake import shake
from wolfguard.audit.tls.answer import ACCEPTED
from wolfguard.audit.vantage import Listener, Vantage
from wolfguard.crypto.certificates import CertificateFacts, read_chain
from wolfguard.crypto.errors import CertificateError
from wolfguard.crypto.extensions import Extensions, read_extensions
from wolfguard.policy.expect import Value


def chain(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """The one that the listener prefers. Raises Unobservable where it shows none."""
    listener = vantage.listener()
    ders, how = _sent(listener)
    try:
        certificates = read_chain(b"".join(map(_pem, ders)))
        extensions = tuple(map(read_extensions, ders))
    except CertificateError as error:
        raise Unobservable(f"the chain of {listener} cannot be read: {error}") from None
    return Observation(_facts(certificates, extensions, vantage), f"{listener}, chain over {how}")


def _sent(listener: Listener) -> tuple[Sequence[bytes], str]:
    """Certificates (DER) and how they came."""
    try:
        with dialled(listener) as connection:
            return connection.chain, f"TLS {connection.version}"
    except Unobservable as error:
        answer = shake(listener, "tls12")
        if answer is None or answer.kind != ACCEPTED or not answer.chain:
            raise Unobservable(f"no chain in the clear of TLS 1.2, and {error}") from None
        return answer.chain, "half a handshake of TLS 1.2"


def _facts(
    certificates: tuple[CertificateFacts, ...], extensions: tuple[Extensions, ...], vantage: Vantage
) -> dict[str, Value]:
    leaf = certificates[0]
    rsa = [each.key_bits for each in certificates if each.key_type == "RSA"]
    seen: dict[str, Value] = {
        "key_types": tuple(each.curve or each.key_type for each in certificates),
        "signatures": tuple(each.signature for each in certificates),
        "days_left": min((each.not_after - vantage.now).days for each in certificates),
        "days_old": (vantage.now - leaf.not_before).days,
        "lifetime": (leaf.not_after - leaf.not_before).days,
        "self_signed": leaf.self_issued,
        "names": leaf.names,
        "length": len(certificates),
        "purposes": extensions[0].purposes,
        "authority": extensions[0].authority,
        "no_authorities": tuple(
            facts.subject for facts, each in zip(certificates[1:], extensions[1:], strict=True) if not each.authority
        ),
    }
    if extensions[0].status_places:
        seen["status_places"] = extensions[0].status_places
    return {**seen, "rsa_bits": min(rsa)} if rsa else seen


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + binascii.b2a_base64(der) + b"-----END CERTIFICATE-----\n"
