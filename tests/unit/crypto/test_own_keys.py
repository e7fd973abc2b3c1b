# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's own keys: made by the module, read by another library, never over what is there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from wolfguard.crypto import own_keys
from wolfguard.crypto.public_key import from_pem, is_p384
from wolfguard.crypto.signing import SigningService
from wolfguard.errors import LocalError


def test_both_keys_are_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    before = os.umask(0o077)
    try:
        assert own_keys.make_missing(str(folder)) == ("checkpoint", "evidence")
    finally:
        os.umask(before)
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(contents) == ["checkpoint.key", "checkpoint.pub", "evidence.key", "evidence.pub"]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {name: 0o600 if name.endswith(".key") else 0o644 for name in contents}
    assert own_keys.make_missing(str(folder)) == ()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == contents
    assert contents["checkpoint.pub"] != contents["evidence.pub"]


def test_another_library_reads_a_pair(tmp_path: Path) -> None:
    own_keys.make_missing(str(tmp_path))
    for name in ("checkpoint", "evidence"):
        private = serialization.load_pem_private_key((tmp_path / f"{name}.key").read_bytes(), None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        assert isinstance(private.curve, ec.SECP384R1)
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        assert public == (tmp_path / f"{name}.pub").read_bytes()
        assert own_keys.read_public(str(tmp_path), name) == public.decode()


def test_the_key_server_takes_a_pair_and_no_stranger(tmp_path: Path) -> None:
    own_keys.make_missing(str(tmp_path))
    service = SigningService(1, p384_only=True)
    try:
        for name, good in (("checkpoint", True), ("evidence", False)):
            descriptor = os.open(tmp_path / "checkpoint.key", os.O_RDONLY)
            spki = from_pem((tmp_path / f"{name}.pub").read_bytes())
            assert is_p384(spki)
            if good:
                service.load_pair(960, descriptor, spki)
            else:
                with pytest.raises(LocalError, match="public keys differ"):
                    service.load_pair(960, descriptor, spki)
    finally:
        service.close()


@pytest.mark.parametrize("left", ["checkpoint.key", "checkpoint.pub"])
def test_half_a_pair_is_named(tmp_path: Path, left: str) -> None:
    own_keys.make_missing(str(tmp_path))
    gone = "checkpoint.pub" if left == "checkpoint.key" else "checkpoint.key"
    (tmp_path / gone).unlink()
    with pytest.raises(LocalError, match=rf"{left} is there without .*{gone}: put that back"):
        own_keys.make_missing(str(tmp_path))
    assert not (tmp_path / gone).exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match=r"cannot make the key .*checkpoint\.key.*paths\.keys"):
        own_keys.make_missing(str(tmp_path / "file" / "keys"))


def test_public_halves_are_checked(tmp_path: Path) -> None:
    assert own_keys.read_public(str(tmp_path), "evidence") == ""
    file = tmp_path / "evidence.pub"
    file.write_text("nonsense")
    with pytest.raises(LocalError, match="no public key in PEM form"):
        own_keys.read_public(str(tmp_path), "evidence")
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    file.write_bytes(other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(LocalError, match="no key on P-384"):
        own_keys.read_public(str(tmp_path), "evidence")
