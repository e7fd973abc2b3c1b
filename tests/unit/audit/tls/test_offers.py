# SPDX-License-Identifier: GPL-3.0-or-later
"""Every offer is taken by some server that is told to take it, so that a refusal says something of who refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.audit.tls.servers import Keys, gnutls, make_keys, openssl
from wolfguard.audit.observation import Unobservable
from wolfguard.audit.probes.handshake import shake
from wolfguard.audit.tls.answer import ACCEPTED, REFUSED, RETRY
from wolfguard.audit.tls.offers import OFFERS, SSL2
from wolfguard.audit.vantage import Listener

WEAK = ("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")

TAKEN_BY_OPENSSL = {
    "modern": ("ecdsa", ()),
    "tls13-p256": ("ecdsa", ()),
    "tls13-p384": ("ecdsa", ()),
    "tls13-aes256": ("ecdsa", ()),
    "tls13-x25519": ("ecdsa", ()),
    "tls13-chacha20": ("ecdsa", ()),
    "tls13-ccm8": ("ecdsa", ("-ciphersuites", "TLS_AES_128_CCM_8_SHA256:TLS_AES_128_GCM_SHA256", *WEAK)),
    "tls12": ("ecdsa", ()),
    "tls12-without-ems": ("rsa", ()),
    "tls12-chacha20": ("rsa", ()),
    "tls12-cbc": ("rsa", WEAK),
    "tls12-static-rsa": ("rsa", WEAK),
    "tls12-dhe": ("rsa", WEAK),
    "tls12-no-encryption": ("rsa", WEAK),
    "tls12-anonymous": ("rsa", WEAK),
    "tls12-psk": ("rsa", ("-psk", "00112233445566778899aabbccddeeff", *WEAK)),
    "tls12-sha1": ("rsa", WEAK),
    "tls12-x25519": ("rsa", ()),  # a key on a curve would need that curve in the offer
    "tls11": ("rsa", WEAK),
    "tls10": ("rsa", WEAK),
}
TAKEN_BY_GNUTLS = ("tls12-broken-ciphers",)
TAKEN_BY_A_GATEWAY = ("tls13-p256-mlkem768", "tls13-p384-mlkem1024", "tls13-x25519-mlkem768")
"""Shown in tests/system/test_audit.py: the servers here know no hybrid of today."""
ASKED_AGAIN = {"tls13-ffdhe": ("ffdhe2048", "rsa")}
TAKEN_BY_NOBODY_HERE = {
    "tls13-mlkem768": "no library here has ML-KEM without a classic half",
    "tls13-sha1": "no library here signs TLS 1.3 with SHA-1",
    "ssl3": "every library here is built without it",
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def strict(keys: Keys) -> Iterator[Listener]:
    """A server that takes TLS 1.3 with P-256 and nothing else."""
    words = ("-tls1_3", "-groups", "P-256", "-ciphersuites", "TLS_AES_256_GCM_SHA384")
    with openssl(keys, "ecdsa", *words) as listener:
        yield listener


def test_every_offer_is_accounted_for() -> None:
    known = {*TAKEN_BY_OPENSSL, *TAKEN_BY_GNUTLS, *TAKEN_BY_A_GATEWAY, *ASKED_AGAIN, *TAKEN_BY_NOBODY_HERE}
    assert known == set(OFFERS)


@pytest.mark.parametrize("offer", TAKEN_BY_OPENSSL)
def test_taken_by_openssl(keys: Keys, offer: str) -> None:
    kind, words = TAKEN_BY_OPENSSL[offer]
    with openssl(keys, kind, *words) as listener:
        answer = shake(listener, offer)
    assert answer is not None
    assert answer.kind == ACCEPTED, answer
    assert answer.suite in OFFERS[offer].suites
    assert answer.version == {"tls11": "1.1", "tls10": "1.0"}.get(offer, "1.2" if offer.startswith("tls12") else "1.3")
    assert not answer.group or answer.group in OFFERS[offer].groups
    assert answer.extended_master_secret == OFFERS[offer].extended_master_secret


@pytest.mark.parametrize("offer", TAKEN_BY_GNUTLS)
def test_taken_by_gnutls(keys: Keys, offer: str) -> None:
    with gnutls(keys, "rsa") as listener:
        answer = shake(listener, offer)
    assert answer is not None
    assert answer.kind == ACCEPTED, answer
    assert answer.suite in OFFERS[offer].suites


@pytest.mark.parametrize("offer", ASKED_AGAIN)
def test_asked_again_with_a_group_of_the_offer(keys: Keys, offer: str) -> None:
    group, kind = ASKED_AGAIN[offer]
    with openssl(keys, kind, "-groups", group) as listener:
        answer = shake(listener, offer)
    assert answer is not None
    assert (answer.kind, answer.group) == (RETRY, group)


@pytest.mark.parametrize("offer", [name for name in OFFERS if name not in ("modern", "tls13-p256")])
def test_refused_by_a_strict_server(strict: Listener, offer: str) -> None:
    answer = shake(strict, offer)
    if offer == "tls13-aes256":  # no share of a group that the server has
        assert answer is not None
    assert answer is None or answer.kind == REFUSED


def test_ssl2_is_refused_without_a_word(strict: Listener) -> None:
    answer = shake(strict, SSL2)
    assert answer is None or answer.kind == REFUSED


def test_the_chain_is_read_in_tls12(keys: Keys) -> None:
    with openssl(keys, "rsa") as listener:
        answer = shake(listener, "tls12")
    assert answer is not None
    assert answer.chain
    assert answer.group in OFFERS["tls12"].groups


def test_an_offer_that_there_is_not(strict: Listener) -> None:
    with pytest.raises(Unobservable, match="there is no offer"):
        shake(strict, "tls99")
