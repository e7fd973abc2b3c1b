# SPDX-License-Identifier: GPL-3.0-or-later
"""Approved, with a remark, or not, with the reason: of each kind one."""

from __future__ import annotations

from wolfguard.policy.indicator import NO_EMS, Indicator, judge
from wolfguard.policy.load import read_profile

SUITE = "TLS_AES_256_GCM_SHA384"
ECDSA = "ecdsa_secp256r1_sha256"
PSK = "TLS_PSK_WITH_AES_256_GCM_SHA384"


def judged(profile: str, *algorithms: str, ems: bool = True) -> Indicator:
    return judge(read_profile(profile).profile, algorithms, extended_master_secret=ems)


def test_approved_says_nothing_more() -> None:
    assert judged("fips-strict", SUITE, "secp256r1", ECDSA) == Indicator(approved=True, reasons=())


def test_a_hybrid_is_approved_and_its_other_part_not_validated() -> None:
    group = "SecP256r1MLKEM768"
    assert judged("fips-hybrid", SUITE, group, ECDSA) == Indicator(
        approved=True, reasons=("SecP256r1MLKEM768 is not validated",)
    )


def test_what_compat_lets_in_is_not_approved() -> None:
    group = "X25519MLKEM768"
    assert judged("compat", SUITE, group, ECDSA) == Indicator(
        approved=False, reasons=("X25519MLKEM768 is not approved",)
    )
    assert judged("compat", PSK, ems=False) == Indicator(approved=False, reasons=(NO_EMS,))
    assert judged("compat", PSK).approved


def test_what_no_profile_names_is_not_approved() -> None:
    assert judged("fips-strict", SUITE, "x25519", ECDSA).reasons == ("x25519 is not approved",)
    assert judged("fips-strict", SUITE, "", ECDSA).approved
