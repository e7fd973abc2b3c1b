# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of certificates that a listener sends. Over TLS 1.2, where it is in the clear; in TLS 1.3 it is not."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.probes.handshake import shake
from wolfguard.audit.tls.answer import ACCEPTED
from wolfguard.audit.vantage import Vantage
from wolfguard.crypto.certificates import CertificateFacts, read_chain
from wolfguard.crypto.errors import CertificateError
from wolfguard.policy.expect import Value


def chain(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """The one that the listener prefers. Raises Unobservable where it speaks no TLS 1.2."""
    listener = vantage.listener()
    answer = shake(listener, "tls12")
    if answer is None or answer.kind != ACCEPTED or not answer.chain:
        raise Unobservable(f"{listener} speaks no TLS 1.2, and in TLS 1.3 a chain is not in the clear")
    try:
        certificates = read_chain(b"".join(map(_pem, answer.chain)))
    except CertificateError as error:
        raise Unobservable(f"the chain of {listener} cannot be read: {error}") from None
    return Observation(_facts(certificates, vantage), f"{listener}, chain over TLS 1.2")


def _facts(certificates: tuple[CertificateFacts, ...], vantage: Vantage) -> dict[str, Value]:
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
    }
    return {**seen, "rsa_bits": min(rsa)} if rsa else seen


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + binascii.b2a_base64(der) + b"-----END CERTIFICATE-----\n"
