# SPDX-License-Identifier: GPL-3.0-or-later
"""A crypto profile, resolved: what the engine is told and what reports print.

Owns the shape. Values come from `policies/profiles/<name>.yml`, read by `policy.load`. Names of suites, groups and
signatures are IANA's (TLS registries), in order of preference.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CryptoProfile:
    """`versions` are "1.3", "1.2". `approved` is False for a profile that lets non-approved algorithms in.

    `require_extended_master_secret` is about TLS 1.2, `..._dtls` about DTLS 1.2, which without `suites_dtls12` is not
    offered. `not_validated` names what of the
    lists is allowed but covered by no module's certificate, `not_approved` what no standard approves: sessions that use
    these are marked.
    """

    name: str
    title: str
    approved: bool
    versions: tuple[str, ...]
    suites_tls13: tuple[str, ...]
    suites_tls12: tuple[str, ...]
    groups: tuple[str, ...]
    signatures: tuple[str, ...]
    require_extended_master_secret: bool
    require_hybrid: bool
    minimum_rsa_bits: int
    tickets: bool
    suites_dtls12: tuple[str, ...] = ()
    require_extended_master_secret_dtls: bool = True
    not_validated: tuple[str, ...] = ()
    not_approved: tuple[str, ...] = ()
