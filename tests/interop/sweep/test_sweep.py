# SPDX-License-Identifier: GPL-3.0-or-later
"""The live listener under every profile, asked by three TLS libraries for what it must take and must refuse.

What must come of each offer is worked out from the profile (`offers`). One gateway a profile.
"""

from __future__ import annotations

import re
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tests.interop import roots
from tests.interop.conftest import Field
from tests.interop.sweep import stacks
from tests.interop.sweep.conftest import enter, leaves_of
from tests.interop.sweep.offers import (
    SIGNATURES,
    SUITES_TLS12,
    SUITES_TLS13,
    Offer,
    Settled,
    allowed,
    offers,
    permitted,
)
from wolfguard import _native
from wolfguard.policy.load import load_profile

AT_ONCE = 4
# as OpenSSL calls what a server may answer
EXTENSIONS = {
    "1.3": {"supported versions", "key share"},
    "1.2": {"renegotiation info", "EC point formats", "extended master secret", "server name"},
}
HYBRIDS = ("SecP256r1MLKEM768", "SecP384r1MLKEM1024", "X25519MLKEM768")
FIPS_CONFIGURATION = """\
openssl_conf = initial
.include /tmp/fipsmodule.cnf
[initial]
providers = providers
alg_section = algorithms
[providers]
fips = fips_sect
base = base
[base]
activate = 1
[algorithms]
default_properties = fips=yes
"""


def sweep(name: str, stack: stacks.Stack, *, thorough: bool = False) -> dict[str, int]:
    """Asks for everything. Raises AssertionError with every offer that came out otherwise than it must."""
    profile = load_profile(name)
    leaves = leaves_of(name)
    counted = {"taken": 0, "refused": 0, "unable": 0}
    wrong: list[str] = []
    asked: dict[Offer, Future[Settled | None]] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for each in offers(profile, thorough=thorough):
            try:
                offer = stack.able(each)
            except stacks.Unable:
                counted["unable"] += 1
                continue
            if offer not in asked:
                asked[offer] = pool.submit(stack.probe, offer)
    for offer, answer in asked.items():
        try:
            settled = answer.result()
        except stacks.Unable:
            counted["unable"] += 1
            continue
        counted["taken" if settled else "refused"] += 1
        if settled is None and permitted(profile, leaves, offer):
            wrong.append(f"refused: {offer}")
        elif settled is not None and not (permitted(profile, leaves, offer) and allowed(profile, offer, settled)):
            wrong.append(f"{settled} out of {offer}")
    assert not wrong, "\n".join(wrong)
    return counted


def test_openssl(swept: tuple[str, Field]) -> None:
    name, field = swept
    client = stacks.openssl(enter(field))
    counted = sweep(name, client, thorough=True)
    assert counted["taken"] >= 5
    assert counted["refused"] >= 20


def fips_openssl(field: Field) -> stacks.OpenSsl:
    """OpenSSL with nothing but its FIPS provider, after that one's own self-test."""
    path = roots.make(roots.STACKS)
    (path / "tmp" / "fips.cnf").write_text(FIPS_CONFIGURATION)
    module = "/usr/lib/x86_64-linux-gnu/ossl-modules/fips.so"
    said = stacks.run([*roots.enter(path), "openssl", "fipsinstall", "-module", module, "-out", "/tmp/fipsmodule.cnf"])
    assert "INSTALL PASSED" in said, said
    return stacks.openssl(enter(field), ("env", "OPENSSL_CONF=/tmp/fips.cnf"), has_sha1=False)


def test_openssl_fips_provider(swept: tuple[str, Field]) -> None:
    name, field = swept
    client = fips_openssl(field)
    assert "x25519" not in client.groups
    assert sweep(name, client)["taken"] >= 5


def test_hybrids(swept: tuple[str, Field]) -> None:
    """Each by itself, with OpenSSL's own provider and with its FIPS provider: the profile's come up, no other does."""
    name, field = swept
    profile = load_profile(name)
    for client in (stacks.openssl(enter(field)), fips_openssl(field)):
        assert set(HYBRIDS) <= client.groups
        for group in HYBRIDS:
            settled = client.probe(client.able(Offer("1.3", SUITES_TLS13, (group,), SIGNATURES)))
            assert (settled.group if settled else "") == (group if group in profile.groups else ""), group


def test_key_shares(swept: tuple[str, Field]) -> None:
    """A client that lists a hybrid and sends a share of P-256 alone is asked for the hybrid's where the profile has it
    among its key shares; else what it has sent decides, though it is not what it lists first."""
    name, field = swept
    profile = load_profile(name)
    client = stacks.openssl(enter(field))
    for listed in (*HYBRIDS, "secp384r1"):
        # the star marks the group whose share is sent
        settled = client.probe(Offer("1.3", SUITES_TLS13[:2], (listed, "*secp256r1"), SIGNATURES))
        wanted = listed if listed in profile.key_shares else "" if profile.require_hybrid else "secp256r1"
        assert (settled.group if settled else "") == wanted, listed


def test_gnutls(swept: tuple[str, Field]) -> None:
    name, field = swept
    counted = sweep(name, stacks.gnutls(enter(field)))
    assert counted["refused"] >= 5
    assert counted["taken"] >= 5 or load_profile(name).require_hybrid


def test_wolfssl(swept: tuple[str, Field], tmp_path: Path) -> None:
    name, field = swept
    prefix = Path(_native.library_path()).parents[1]
    client = stacks.wolfssl(field.topology.client.inside([]), tmp_path, prefix)
    counted = sweep(name, client)
    assert counted["taken"] >= 2
    assert counted["refused"] >= 2


def test_extensions(swept: tuple[str, Field]) -> None:
    """Nothing but what a full handshake needs: no ticket, no early data, no compression, no heartbeat, no second
    handshake on the same connection."""
    name, field = swept
    client = stacks.openssl(enter(field))
    profile = load_profile(name)
    for version in profile.versions:
        suites = SUITES_TLS13 if version == "1.3" else SUITES_TLS12
        offer = client.able(Offer(version, suites, (*profile.groups, "secp256r1"), SIGNATURES))
        said = stacks.run(client.command(offer, "-tlsextdebug", "-comp", "-alpn", "http/1.1"), "R\n")
        assert "Cipher is TLS_" in said or "Cipher is ECDHE-" in said, said
        extensions = set(re.findall(r'TLS server extension "([^"]+)"', said))
        assert extensions <= EXTENSIONS[version], extensions
        assert "Compression: NONE" in said or version == "1.3"
        assert "Early data was not sent" in said or version == "1.2"
        assert not re.search(r"New Session Ticket arrived|TLS session ticket:|Reused", said), said
        if version == "1.2":
            # OpenSSL says RENEGOTIATING before it asks
            assert re.search(r"no renegotiation|alert|unexpected eof|Connection reset", said.partition("RENEG")[2]), (
                said
            )
