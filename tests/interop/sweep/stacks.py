# SPDX-License-Identifier: GPL-3.0-or-later
"""Three TLS libraries that can be made to offer one thing: OpenSSL, GnuTLS and wolfSSL.

Owns the translation of an `Offer` into each one's command line, and of what it prints into `Settled`. A library that
cannot make an offer says None before anything is sent: that is no answer of the gateway, and is told apart from one.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from tests.interop.sweep.offers import SIGNATURES, SUITES_TLS12, Offer, Settled
from wolfguard.linux.namespace import Topology

NAME = "vpn.example.test"
PATIENCE = 20.0


class Stack(Protocol):
    def able(self, offer: Offer) -> Offer:
        """What the library makes of an offer: it leaves out what it lacks. Raises Unable where nothing is left."""

    def probe(self, offer: Offer) -> Settled | None:
        """None: the gateway has refused, by an alert. Raises AssertionError where it has done so in silence."""


class Unable(Exception):  # noqa: N818 - no error: the library lacks what it was asked for
    """The library cannot make this offer."""


def run(command: Sequence[str], stdin: str = "") -> str:
    """Everything that a client prints."""
    result = subprocess.run(
        command, input=stdin, check=False, capture_output=True, text=True, errors="replace", timeout=PATIENCE
    )
    return result.stdout + result.stderr


def _reduced(offer: Offer, suites: Sequence[str], groups: Sequence[str], signatures: Sequence[str]) -> Offer:
    if not suites or not groups or not signatures:
        raise Unable
    return replace(offer, suites=tuple(suites), groups=tuple(groups), signatures=tuple(signatures))


def _one(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found.group(1).strip() if found else ""


# --- OpenSSL ----------------------------------------------------------------------------------------------------------

_FLAGS = {"1.3": "-tls1_3", "1.2": "-tls1_2", "1.1": "-tls1_1", "1.0": "-tls1"}


@dataclass(frozen=True)
class OpenSsl:
    """`enter` are the words before the command, `groups` what this build knows. With its FIPS provider a library lacks
    whole algorithms; it drops what it lacks from an offer where something is left."""

    enter: Sequence[str]
    groups: frozenset[str]
    suites: frozenset[str]
    has_sha1: bool = True

    def able(self, offer: Offer) -> Offer:
        tls13 = offer.version == "1.3"
        return _reduced(
            offer,
            [name for name in offer.suites if name in self.suites],
            # with ffdhe groups in TLS 1.2 it says nothing of groups at all, and a server may take that for "any"
            [name for name in offer.groups if name in self.groups and (tls13 or not name.startswith("ffdhe"))],
            [name for name in offer.signatures if self.has_sha1 or not name.endswith("sha1")],
        )

    def command(self, offer: Offer, *more: str) -> list[str]:
        # OpenSSL calls the old ones by key and hash
        names = {"ecdsa_sha1": "ECDSA+SHA1", "rsa_pkcs1_sha1": "RSA+SHA1"}
        signatures = ":".join(names.get(name, name) for name in offer.signatures)
        words = ["-groups", ":".join(offer.groups), "-sigalgs", signatures]
        if offer.version == "1.3":
            words += ["-ciphersuites", ":".join(offer.suites)]
        else:
            # the weak are to be offered as well
            words += ["-cipher", f"{':'.join(offer.suites)}:@SECLEVEL=0"]
        if not offer.extended_master_secret:
            words.append("-no_ems")
        address = f"{Topology.GATEWAY_V4}:443"
        command = [*self.enter, "openssl", "s_client", "-connect", address, "-servername", NAME]
        return [*command, _FLAGS[offer.version], *words, *more]

    def probe(self, offer: Offer) -> Settled | None:
        said = run(self.command(offer, "-brief"))
        if "CONNECTION ESTABLISHED" not in said:
            if "alert" not in said:
                if re.search(r"no protocols available|no ciphers available|no suitable|group|sigalg|Error", said):
                    raise Unable(said)
                raise AssertionError(f"{offer}: {said}")
            return None
        version = _one(r"Protocol version: TLSv(\S+)", said)
        group = _one(r"(?:Negotiated TLS1.3 group|Peer Temp Key|Server Temp Key): ([^,\n]*(?:, [\w-]+)?)", said)
        signature = _one(r"Signature type: (\S+)", said)
        return Settled(
            {"1": "1.0"}.get(version, version), self._iana(_one(r"Ciphersuite: (\S+)", said)), _group(group), signature
        )

    def _iana(self, name: str) -> str:
        return name if name.startswith("TLS_") else _OPENSSL_SUITES.get(name, name)


_OPENSSL_SUITES = {
    f"ECDHE-{key}-AES{size}-GCM-SHA{hash_size}": f"TLS_ECDHE_{key}_WITH_AES_{size}_GCM_SHA{hash_size}"
    for key in ("ECDSA", "RSA")
    for size, hash_size in ((256, 384), (128, 256))
}


def _group(said: str) -> str:
    """Names of groups as OpenSSL and GnuTLS say them, as IANA's; empty for what is not a name."""
    word = said.replace("ECDH, ", "").strip()
    names = {"prime256v1": "secp256r1", "X25519": "x25519", "P-256": "secp256r1", "P-384": "secp384r1",
             "P-521": "secp521r1"}  # fmt: skip
    return names.get(word, word)


def openssl(enter: Sequence[str], environment: Sequence[str] = (), *, has_sha1: bool = True) -> OpenSsl:
    words = [*enter, *environment]
    groups = run([*words, "openssl", "list", "-tls-groups"]).split(":")
    suites = run([*words, "openssl", "ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"])
    return OpenSsl(
        words,
        frozenset(each.strip() for each in groups),
        frozenset(line.split()[0] for line in suites.splitlines() if line.startswith("TLS_")),
        has_sha1,
    )


# --- GnuTLS -----------------------------------------------------------------------------------------------------------

_GNUTLS_SUITES = {
    "AES-256-GCM": "AES_256_GCM", "AES-128-GCM": "AES_128_GCM", "CHACHA20-POLY1305": "CHACHA20_POLY1305",
    "AES-128-CCM": "AES_128_CCM", "AES-128-CCM-8": "AES_128_CCM_8", "AES-256-CBC": "AES_256_CBC",
    "AES-128-CBC": "AES_128_CBC",
}  # fmt: skip
_GNUTLS_GROUPS = {
    "secp256r1": "SECP256R1", "secp384r1": "SECP384R1", "secp521r1": "SECP521R1", "x25519": "X25519", "x448": "X448",
    "ffdhe2048": "FFDHE2048", "ffdhe3072": "FFDHE3072", "SecP256r1MLKEM768": "SECP256R1-MLKEM768",
    "SecP384r1MLKEM1024": "SECP384R1-MLKEM1024", "X25519MLKEM768": "X25519-MLKEM768",
}  # fmt: skip
_GNUTLS_SIGNATURES = {
    "ecdsa_secp256r1_sha256": "ECDSA-SECP256R1-SHA256", "ecdsa_secp384r1_sha384": "ECDSA-SECP384R1-SHA384",
    "ecdsa_secp521r1_sha512": "ECDSA-SECP521R1-SHA512", "ed25519": "EDDSA-ED25519",
    "rsa_pss_rsae_sha256": "RSA-PSS-RSAE-SHA256", "rsa_pss_rsae_sha384": "RSA-PSS-RSAE-SHA384",
    "rsa_pss_rsae_sha512": "RSA-PSS-RSAE-SHA512", "rsa_pkcs1_sha256": "RSA-SHA256", "rsa_pkcs1_sha384": "RSA-SHA384",
    "rsa_pkcs1_sha512": "RSA-SHA512", "rsa_pkcs1_sha1": "RSA-SHA1", "ecdsa_sha1": "ECDSA-SHA1",
}  # fmt: skip


def _signature_word(version: str, signature: str) -> str:
    """The names with a curve are for TLS 1.3 alone there."""
    word = _GNUTLS_SIGNATURES[signature]
    return word if version == "1.3" else re.sub(r"SECP\d+R1-", "", word)


@dataclass(frozen=True)
class GnuTls:
    enter: Sequence[str]
    groups: frozenset[str]

    def able(self, offer: Offer) -> Offer:
        return _reduced(
            offer,
            [suite for suite in offer.suites if _cipher_of(suite)],
            [group for group in offer.groups if _GNUTLS_GROUPS.get(group) in self.groups],
            offer.signatures,
        )

    def probe(self, offer: Offer) -> Settled | None:
        said = run([*self.enter, "gnutls-cli", "--insecure", "--logfile=/dev/stderr", "-p", "443",
                    f"--sni-hostname={NAME}", f"--priority={self.priority(offer)}", Topology.GATEWAY_V4])  # fmt: skip
        if "Handshake was completed" not in said:
            if "Syntax error" in said or "No or insufficient priorities" in said:
                raise Unable(said)
            assert "alert" in said, said
            return None
        found = re.search(r"\(TLS([\d.]+)(?:-X\.509)?\)-\(([^)]*)\)-(?:\(([^)]*)\)-)?\(([^)]*)\)", said)
        assert found is not None, said
        exchange, signature, cipher = found.group(2), found.group(3) or "", found.group(4)
        version = found.group(1)
        suite = _gnutls_suite(version, exchange, signature or exchange, cipher)
        group = exchange.removeprefix("ECDHE-").removeprefix("HYBRID-")
        known = {name: iana for iana, name in _GNUTLS_GROUPS.items()}
        signed = {_signature_word(version, iana): iana for iana in _GNUTLS_SIGNATURES}
        return Settled(version, suite, known.get(group, ""), signed.get(signature, signature))

    def priority(self, offer: Offer) -> str:
        """Only what is asked for, of GnuTLS's own sets for each part of a suite, told apart by cipher and by
        key exchange."""
        groups = [_GNUTLS_GROUPS[each] for each in offer.groups]
        signatures = [_signature_word(offer.version, each) for each in offer.signatures]
        ciphers, exchanges, macs = self._parts(offer)
        words = ["NONE", f"+VERS-TLS{offer.version}", *(f"+{each}" for each in ciphers), *macs, *exchanges]
        words += [*(f"+SIGN-{each}" for each in signatures), *(f"+GROUP-{each}" for each in groups), "+COMP-NULL"]
        words += ["+CTYPE-X509", "%VERIFY_ALLOW_SIGN_WITH_SHA1"]
        if not offer.extended_master_secret:
            words.append("%NO_SESSION_HASH")
        return ":".join(words)

    def _parts(self, offer: Offer) -> tuple[list[str], list[str], list[str]]:
        ciphers: list[str] = []
        exchanges: list[str] = []
        macs = ["+AEAD"]
        for suite in offer.suites:
            ciphers.append(_cipher_of(suite))
            if "_CBC_" in suite:
                macs.append({"SHA": "+SHA1", "SHA256": "+SHA256", "SHA384": "+SHA384"}[suite.rpartition("_")[2]])
            if offer.version != "1.3":
                exchange = suite.removeprefix("TLS_").partition("_WITH")[0].replace("_", "-")
                exchanges.append(f"+{exchange}")
        if offer.version == "1.3":
            exchanges = ["+ECDHE-ECDSA", "+ECDHE-RSA"]
        elif any(_made_of(suite, ciphers, exchanges) for suite in set(SUITES_TLS12).difference(offer.suites)):
            raise Unable  # its parts make suites that were not asked for
        return list(dict.fromkeys(ciphers)), list(dict.fromkeys(exchanges)), list(dict.fromkeys(macs))


def _cipher_of(suite: str) -> str:
    """Empty: GnuTLS has none like it."""
    return next((name for name, part in _GNUTLS_SUITES.items() if re.search(rf"_{part}(_SHA|$)", suite)), "")


def _made_of(suite: str, ciphers: Sequence[str], exchanges: Sequence[str]) -> bool:
    exchange, _, rest = suite.removeprefix("TLS_").partition("_WITH_")
    parts = [_GNUTLS_SUITES[cipher] for cipher in ciphers]
    return f"+{exchange.replace('_', '-')}" in exchanges and any(re.match(rf"{part}(_SHA|$)", rest) for part in parts)


def _gnutls_suite(version: str, exchange: str, signature: str, cipher: str) -> str:
    digest = {"AES-256-GCM": "SHA384"}.get(cipher, "SHA256")
    part = _GNUTLS_SUITES.get(cipher, cipher)
    if version == "1.3":
        return f"TLS_{part}_{digest}"
    key = "ECDSA" if "ECDSA" in signature else "RSA"
    return f"TLS_{'ECDHE' if 'ECDHE' in exchange else 'RSA'}_{key}_WITH_{part}_{digest}"


def gnutls(enter: Sequence[str]) -> GnuTls:
    said = run([*enter, "gnutls-cli", "--list"])
    return GnuTls(enter, frozenset(re.findall(r"GROUP-([\w-]+)", said)))


# --- wolfSSL ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WolfSsl:
    """sweep/wolfssl_client.c over the libwolfssl of the gateway: the only stack here that can be asked for groups that
    are not in its defaults."""

    enter: Sequence[str]
    program: Path

    def able(self, offer: Offer) -> Offer:
        if offer.signatures != SIGNATURES:
            raise Unable
        return offer  # the program leaves out what the library lacks, which is nothing of any profile

    def probe(self, offer: Offer) -> Settled | None:
        words = [offer.version, ":".join(offer.suites), ":".join(offer.groups), str(int(offer.extended_master_secret))]
        said = run([*self.enter, str(self.program), Topology.GATEWAY_V4, NAME, *words]).split()
        if said[:1] == ["unable"]:
            raise Unable(said)
        if said[:1] == ["refused"]:
            return None
        assert said[:1] == ["settled"], said
        return Settled(said[1], said[2], {"P-256": "secp256r1"}.get(said[3], said[3]))


def wolfssl(enter: Sequence[str], folder: Path, prefix: Path) -> WolfSsl:
    program = folder / "wolfssl_client"
    source = Path(__file__).with_name("wolfssl_client.c")
    include, library = prefix / "include", prefix / "lib"
    command = ["cc", "-O1", "-Wall", "-Werror", f"-I{include}", "-o", str(program), str(source), f"-L{library}"]
    subprocess.run([*command, "-lwolfssl", f"-Wl,-rpath,{library}"], check=True)
    return WolfSsl(enter, program)
