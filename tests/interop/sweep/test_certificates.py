# SPDX-License-Identifier: GPL-3.0-or-later
"""A site with one kind of certificate at a time, and clients that take one signature at a time: what fits must succeed,
and by the very signature that was asked for; what does not must be refused with an alert."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.interop.conftest import Field, short_patience
from tests.interop.sweep import stacks
from tests.interop.sweep.conftest import certify, enter
from tests.interop.sweep.offers import (
    GROUPS,
    SIGNATURES,
    SUITES_TLS12,
    SUITES_TLS13,
    TLS13_ONLY,
    Leaf,
    Offer,
    permitted,
)
from wolfguard.policy.load import load_profile

SITES = [
    ("fips-hybrid", Leaf("EC", 256)),
    ("fips-hybrid", Leaf("EC", 384)),
    ("fips-hybrid", Leaf("EC", 521)),
    ("fips-hybrid", Leaf("RSA", 2048)),
    ("fips-hybrid", Leaf("RSA", 3072)),
    ("fips-hybrid", Leaf("RSA", 4096)),
    ("cnsa-2.0-transition", Leaf("EC", 384)),
    ("cnsa-2.0-transition", Leaf("RSA", 3072)),
]


@pytest.fixture(scope="module", params=SITES, ids=lambda each: f"{each[0]}-{each[1].kind}-{each[1].bits}")
def certified(request: pytest.FixtureRequest, make_gateway: Callable[..., Field]) -> Iterator[tuple[str, Leaf, Field]]:
    name, leaf = request.param

    def edit(document: dict[str, Any]) -> None:
        short_patience(name)(document)
        certificates = document["sites"][0]["certificates"]
        del certificates[1:]
        certify(certificates[0], leaf)

    made = make_gateway(edit)
    yield name, leaf, made
    made.gateway.stop()


def signature_offers(version: str) -> Iterator[Offer]:
    suites = SUITES_TLS13 if version == "1.3" else SUITES_TLS12
    groups = tuple(name for name in GROUPS if version == "1.3" or name not in TLS13_ONLY)
    yield Offer(version, suites, groups, SIGNATURES)
    yield from (Offer(version, suites, groups, (signature,)) for signature in SIGNATURES)


def sweep(certified: tuple[str, Leaf, Field], stack: stacks.Stack) -> tuple[set[str], int]:
    """Signatures that were made, and how many offers were refused. Raises AssertionError with all that is wrong."""
    name, leaf, _ = certified
    profile = load_profile(name)
    made: set[str] = set()
    refused = 0
    wrong: list[str] = []
    for version in ("1.3", "1.2"):
        for each in signature_offers(version):
            try:
                offer = stack.able(each)
                settled = stack.probe(offer)
            except stacks.Unable:
                continue
            if (settled is not None) != permitted(profile, [leaf], offer):
                wrong.append(f"{settled} out of {offer}")
            elif settled is None:
                refused += 1
            else:
                made.add(settled.signature)
                if settled.signature not in offer.signatures or settled.signature not in profile.signatures:
                    wrong.append(f"{settled} signed otherwise than {offer}")
    assert not wrong, "\n".join(wrong)
    return made, refused


def test_openssl(certified: tuple[str, Leaf, Field]) -> None:
    name, leaf, field = certified
    made, refused = sweep(certified, stacks.openssl(enter(field)))
    print(f"{name}, {leaf.kind} {leaf.bits}: {sorted(made)}, {refused} refused")
    suffix = "_sha384" if name.startswith("cnsa") else ""
    if leaf.kind == "EC":
        assert any(signature.startswith(f"ecdsa_secp{leaf.bits}r1") for signature in made)
    else:
        wanted = {"rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"}
        assert {each for each in wanted if each.endswith(suffix)} <= made
    assert refused >= 5


def test_gnutls(certified: tuple[str, Leaf, Field]) -> None:
    name, _, field = certified
    made, refused = sweep(certified, stacks.gnutls(enter(field)))
    assert bool(made) is not load_profile(name).require_hybrid
    assert refused >= 5
