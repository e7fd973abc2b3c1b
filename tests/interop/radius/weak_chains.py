# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains of three with weak links, by openssl's command, since the libraries of tests refuse to sign with SHA-1."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.interop.radius.pki import SERVER_NAME, Identity

_CA: Final = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
_SERVER: Final = (
    f"basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
    f"subjectAltName=DNS:{SERVER_NAME}\n"
)


@dataclass(frozen=True, slots=True)
class Link:
    """`key`: "ec:P-256" or "rsa:2048"; `digest`: of the issuer's signature."""

    key: str = "rsa:2048"
    digest: str = "sha256"


def make(folder: Path, *, root: Link, issuer: Link, server: Link) -> tuple[bytes, Identity]:
    """The root, and the server's chain (its own certificate and the issuer's) with its key; PEM."""
    folder.mkdir()
    above = ""
    for name, link, extensions in (("root", root, _CA), ("issuer", issuer, _CA), ("server", server, _SERVER)):
        kind, _, size = link.key.partition(":")
        algorithm = ["RSA", f"rsa_keygen_bits:{size}"] if kind == "rsa" else ["EC", f"ec_paramgen_curve:{size}"]
        _openssl(folder, "genpkey", "-algorithm", algorithm[0], "-pkeyopt", algorithm[1], "-out", f"{name}.key")
        _openssl(
            folder, "req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name} {folder.name}", "-out", f"{name}.csr"
        )
        (folder / f"{name}.ext").write_text(extensions)
        signer = ["-CA", f"{above}.pem", "-CAkey", f"{above}.key"] if above else ["-signkey", f"{name}.key"]
        _openssl(
            folder, "x509", "-req", "-in", f"{name}.csr", *signer, f"-{link.digest}", "-days", "30",
            "-extfile", f"{name}.ext", "-set_serial", "7", "-out", f"{name}.pem",
        )  # fmt: skip
        above = name
    chain = (folder / "server.pem").read_bytes() + (folder / "issuer.pem").read_bytes()
    return (folder / "root.pem").read_bytes(), Identity(chain, (folder / "server.key").read_bytes())


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
