# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the dated, signed list of certificates: the package's, or the one that a site puts in its place.

The signature (ECDSA P-384, SHA-384, by our own module) is checked before the content is parsed. A site's folder may
hold `certificates.yml` with `certificates.yml.sig`, and `snapshot-key.pem` where it signs by itself. A list of the site
that is wrong in any way is an error; nothing falls back to the package's.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from wolfguard.crypto.digest import sha256
from wolfguard.crypto.public_key import from_pem
from wolfguard.crypto.signing import verify_p384
from wolfguard.errors import ConfigurationError, LocalError
from wolfguard.fips import place
from wolfguard.fips.facts import Caveat, Certificate, ListedEnvironment, ListedSystem, Snapshot, SystemModule

LIST: Final = "certificates.yml"
SIGNATURE: Final = "certificates.yml.sig"
KEY: Final = "snapshot-key.pem"
FINGERPRINT_DIGITS: Final = 16


def read(folder: Path) -> Snapshot:
    """The list of the site's `folder` if it has one, else the package's. Raises ConfigurationError."""
    own_key = folder / KEY
    if not (folder / LIST).exists():
        if own_key.exists():
            raise ConfigurationError(f"{own_key} signs nothing: put {LIST} and {SIGNATURE} beside it, or take it away")
        found = place.data()
        content, signature, key = ((found / name).read_bytes() for name in (LIST, SIGNATURE, KEY))
        return verify(content, signature, key, "the package", LIST)
    content, signature = place.read_own(folder / LIST), place.read_own(folder / SIGNATURE)
    if own_key.exists():
        return verify(content, signature, place.read_own(own_key), "the site", str(folder / LIST))
    return verify(content, signature, (place.data() / KEY).read_bytes(), "the package", str(folder / LIST))


def verify(content: bytes, signature: bytes, key: bytes, whose: str, name: str) -> Snapshot:
    """The list in `content`, if `signature` (base64 of DER) is that of `key` (PEM). Raises ConfigurationError."""
    spki = public_key(key)
    try:
        der = base64.b64decode(b"".join(signature.split()), validate=True)
    except binascii.Error:
        raise ConfigurationError(
            f"the signature of {name} is not base64: sign it again with fips/sign-snapshot"
        ) from None
    signer = f"the key of {whose} ({sha256(spki).hex()[:FINGERPRINT_DIGITS]})"
    if not verify_p384(spki, content, der):
        raise ConfigurationError(
            f"{name} is not signed by {signer}: take the list, its signature and key from one source"
        )
    return _snapshot(place.parse(content, "certificates", name), signer, name)


def public_key(pem: bytes) -> bytes:
    """SubjectPublicKeyInfo (DER) of a public key in PEM. Raises ConfigurationError."""
    try:
        return from_pem(pem)
    except LocalError:
        raise ConfigurationError(
            "the key of the list of certificates is no public key in PEM form (BEGIN PUBLIC KEY)"
        ) from None


def _snapshot(document: Mapping[str, Any], signer: str, name: str) -> Snapshot:
    numbers = [each["number"] for each in document["certificates"]]
    if len(numbers) != len(set(numbers)):
        raise ConfigurationError(f"{name}: a certificate is in it twice")
    return Snapshot(
        taken=document["taken"],
        source=document["source"],
        signer=signer,
        certificates=tuple(_certificate(each) for each in document["certificates"]),
        systems=tuple(_system(each) for each in document["systems"]),
    )


def _certificate(entry: Mapping[str, Any]) -> Certificate:
    return Certificate(
        number=entry["number"],
        module=entry["module"],
        versions=tuple(entry["versions"]),
        standard=entry["standard"],
        status=entry["status"],
        sunset=entry.get("sunset"),
        caveats=tuple(Caveat(each["name"], each["text"]) for each in entry["caveats"]),
        environments=tuple(_environment(each) for each in entry["environments"]),
        environments_complete=entry["environments_complete"],
    )


def _environment(row: Mapping[str, Any]) -> ListedEnvironment:
    return ListedEnvironment(
        system=row["system"],
        kernel=row.get("kernel", ""),
        processor=row["processor"],
        acceleration=row["acceleration"],
        compiler=row.get("compiler", ""),
        affirmed=row["affirmed"],
    )


def _system(entry: Mapping[str, Any]) -> ListedSystem:
    modules = (SystemModule(each["name"], each["number"], each.get("sunset")) for each in entry["modules"])
    return ListedSystem(entry["id"], entry.get("version", ""), tuple(modules))
