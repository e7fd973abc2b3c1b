# SPDX-License-Identifier: GPL-3.0-or-later
"""A crypto profile for tests of what only carries one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wolfguard.policy.profile import CryptoProfile

PLAIN = CryptoProfile(
    name="test",
    title="test",
    approved=True,
    versions=("1.3",),
    suites_tls13=("TLS_AES_256_GCM_SHA384",),
    suites_tls12=(),
    groups=("secp256r1",),
    signatures=("ecdsa_secp256r1_sha256",),
    require_extended_master_secret=True,
    require_hybrid=False,
    minimum_rsa_bits=2048,
    maximum_certificate_days=1096,
    maximum_chain=10,
    record_limit=16_777_216,
    certificate_keys=("secp256r1", "rsa"),
    certificate_signatures=("ecdsa-with-SHA256", "sha256WithRSAEncryption"),
    tickets=False,
)


def profile(**changes: Any) -> CryptoProfile:
    return replace(PLAIN, **changes)
