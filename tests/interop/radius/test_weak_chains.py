# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers with SHA-1 or weak keys in their chains: refused, with the rule, before anything is said to them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import roots
from tests.interop.radius import backend, pki, weak_chains
from tests.interop.radius.backend import step
from tests.interop.radius.fault_server import TlsFaults
from tests.interop.radius.freeradius import FreeRadius
from tests.interop.radius.weak_chains import Link
from wolfguard.crypto.client import SignChannel
from wolfguard.ipc.factors import ACCEPT, UNAVAILABLE, FactorAnswer

PASSWORD = "wonder"
GOOD, SHA1, SHORT = Link(), Link(digest="sha1"), Link("rsa:1024")
WEAK: dict[str, tuple[dict[str, Link], str, str]] = {
    "SHA-1 on the server's": (
        {"server": SHA1}, "tls_weak_signature", "certificate 1 is signed with sha1WithRSAEncryption; {profile} allows",
    ),
    "SHA-1 on the issuer's": (
        {"issuer": SHA1}, "tls_weak_signature", "certificate 2 is signed with sha1WithRSAEncryption; {profile} allows",
    ),
    "ECDSA with SHA-1": (
        {"root": Link("ec:P-256"), "issuer": SHA1}, "tls_weak_signature",
        r"certificate 2 is signed with 1\.2\.840\.10045\.4\.1; {profile} allows",
    ),
    "short key of the server": ({"server": SHORT}, "tls_weak_key", ""),
    "short key of the issuer": ({"issuer": SHORT}, "tls_weak_key", ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def client() -> pki.Pki:
    return pki.make()


@pytest.fixture
def keyd(tmp_path: Path, client: pki.Pki) -> Iterator[SignChannel]:
    with backend.keyd(tmp_path, client) as channel:
        yield channel


def links(**weak: Link) -> dict[str, Link]:
    return {"root": GOOD, "issuer": GOOD, "server": GOOD, **weak}


def ask(keyd: SignChannel, trusted: bytes, client: pki.Pki, port: int, profile: str) -> FactorAnswer:
    made = backend.tls(keyd, pki.Pki(trusted, client.server, client.client), [port], profile=profile)

    async def run() -> FactorAnswer:
        try:
            return await made.step(step("alice", PASSWORD))
        finally:
            made.close()

    return asyncio.run(run())


@pytest.mark.parametrize("profile", ["fips-strict", "fips-hybrid", "compat"])
@pytest.mark.parametrize("name", WEAK)
def test_a_weak_chain_is_refused(
    name: str, profile: str, keyd: SignChannel, client: pki.Pki, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weak, label, rule = WEAK[name]
    root, identity = weak_chains.make(tmp_path / "chain", **links(**weak))
    with TlsFaults(tmp_path, identity, client.authority, lambda asked: [], strict=False) as server:
        answer = ask(keyd, root, client, server.port, profile)
    assert answer.state == UNAVAILABLE
    assert re.fullmatch(label, answer.reason)
    assert re.search(rule.format(profile=profile), caplog.text)
    assert server.heard == []


@pytest.mark.parametrize("weak", [{}, {"root": SHA1}], ids=["good", "SHA-1 on the root itself"])
def test_a_real_server_with_an_intermediate(
    weak: dict[str, Link], keyd: SignChannel, client: pki.Pki, tmp_path: Path
) -> None:
    """What is trusted needs no signature."""
    root, identity = weak_chains.make(tmp_path / "chain", **links(**weak))
    certificates = pki.Pki(client.authority, identity, client.client)
    server = FreeRadius(roots.RADIUS11, tmp_path, pki=certificates, version_1_1="allow")
    server.start()
    try:
        assert ask(keyd, root, client, server.port, "fips-hybrid").state == ACCEPT
    finally:
        server.stop()
