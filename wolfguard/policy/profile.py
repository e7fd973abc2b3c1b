# SPDX-License-Identifier: GPL-3.0-or-later
"""A crypto profile, resolved: what the engine is told and what reports print.

Owns the shape. Values come from `policies/profiles/<name>.yml`, read by `policy.load`. Names of suites, groups and
signatures are IANA's (TLS registries), in order of preference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

APPROVED: Final = "approved"
NOT_VALIDATED: Final = "not-validated"
NOT_APPROVED: Final = "not-approved"


@dataclass(frozen=True, slots=True)
class CryptoProfile:
    """`versions` are "1.3", "1.2". `approved` is False for a profile that lets non-approved algorithms in.

    `require_extended_master_secret` is about TLS 1.2, `..._dtls` about DTLS 1.2, which without `suites_dtls12` is not
    offered. `key_shares` are those of `groups` that a client is asked for when it lists one and has sent no share of
    it; among the others the share that it has sent decides.
    `certificate_keys` and `certificate_signatures` hold for each certificate of the server's chain, as
    `crypto.certificates` names them. `record_limit` counts records under one key, either way.
    `not_validated` names what of the lists is allowed but covered by no module's certificate, `not_approved` what no
    standard approves: sessions that use these are marked (`policy.indicator`).
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
    maximum_certificate_days: int
    maximum_chain: int
    record_limit: int
    certificate_keys: tuple[str, ...]
    certificate_signatures: tuple[str, ...]
    suites_dtls12: tuple[str, ...] = ()
    key_shares: tuple[str, ...] = ()
    require_extended_master_secret_dtls: bool = True
    not_validated: tuple[str, ...] = ()
    not_approved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One value of a profile: where it stands in the standards, and the document and section that say so.
    `where_built`: a library without it serves the profile all the same."""

    key: str
    value: str
    standing: str
    source: str
    where_built: bool = False


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A profile with its reasons. `statements` are in the order of the file."""

    profile: CryptoProfile
    statements: tuple[Statement, ...]
