# SPDX-License-Identifier: GPL-3.0-or-later
"""Known answers: SHA-2 from NIST's example values ("abc" and the two-block message, FIPS 180-4), HMAC from RFC 4231."""

from __future__ import annotations

import hashlib
import hmac as reference

import pytest

from wolfguard import _native
from wolfguard.crypto.digest import Hash, digest, equal, hmac, sha256

TWO_BLOCKS = (
    b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
)

KNOWN: list[tuple[Hash, bytes, str]] = [
    ("sha256", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        "sha384",
        b"abc",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ),
    (
        "sha512",
        b"abc",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    (
        "sha512",
        TWO_BLOCKS,
        "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
        "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
    ),
]

# RFC 4231 section 4.2 has a key of 20 bytes, 4.3 a short one ("Jefe"), 4.7 one of 131 bytes.
RFC4231: list[tuple[Hash, bytes, bytes, str]] = [
    ("sha256", b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        "sha384",
        b"\x0b" * 20,
        b"Hi There",
        "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
    ),
    (
        "sha512",
        b"\x0b" * 20,
        b"Hi There",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
        "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    ),
    (
        "sha512",
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
        "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ),
]


@pytest.mark.parametrize(("name", "data", "expected"), KNOWN)
def test_sha2_known_answers(name: Hash, data: bytes, expected: str) -> None:
    assert digest(name, data).hex() == expected


@pytest.mark.parametrize(("name", "key", "data", "expected"), RFC4231)
def test_hmac_known_answers(name: Hash, key: bytes, data: bytes, expected: str) -> None:
    assert hmac(name, key, data).hex() == expected


@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 100_000])
def test_lengths_around_the_block_agree_with_another_implementation(length: int) -> None:
    data = bytes(index & 0xFF for index in range(length))
    assert sha256(data) == hashlib.sha256(data).digest()
    assert digest("sha512", data) == hashlib.sha512(data).digest()
    assert hmac("sha384", b"k" * 14, data) == reference.new(b"k" * 14, data, "sha384").digest()


def test_short_hmac_keys_are_refused_with_every_module() -> None:
    with pytest.raises(ValueError, match="at least 14"):
        hmac("sha256", b"Jefe", b"what do ya want for nothing?")


def test_unknown_hashes_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown hash md5"):
        _native.digest("md5", b"")


@pytest.mark.parametrize(
    ("a", "b", "same"), [(b"", b"", True), (b"ab", b"ab", True), (b"ab", b"aa", False), (b"ab", b"abc", False)]
)
def test_equal(a: bytes, b: bytes, same: bool) -> None:
    assert equal(a, b) is same
