# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS libraries that can be made to offer one thing over DTLS, with the key and under the name of a tunnel: OpenSSL and
GnuTLS. wolfSSL's own client is not among them: its interface lets nobody choose the session's name.

As `stacks`: owns the translation of a `DatagramOffer` into each one's words, and of what it says into
`DatagramOutcome`.
"""

from __future__ import annotations

import base64
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from tests.interop.sweep.datagram_offers import SUITES, DatagramOffer, DatagramOutcome
from tests.interop.sweep.stacks import Unable, run
from tests.interop.sweep.tunnels import Tunnel
from wolfguard.linux.namespace import Topology

HOURS: Final = 3600


class DatagramStack(Protocol):
    def able(self, offer: DatagramOffer) -> DatagramOffer:
        """What the library makes of an offer. Raises Unable where nothing is left."""

    def probe(self, offer: DatagramOffer, tunnel: Tunnel) -> DatagramOutcome:
        """One handshake."""


# --- OpenSSL ----------------------------------------------------------------------------------------------------------


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag]) + (bytes([size]) if size < 0x80 else b"\x81" + bytes([size])) + content


def _integer(value: int) -> bytes:
    return _der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def session_of(app_id: bytes, version: int) -> str:
    """A session by that name, in OpenSSL's own form (d2i_SSL_SESSION): what openconnect puts together to have the name
    in its hello. Nobody resumes it."""
    suite = SUITES["TLS_PSK_WITH_AES_256_GCM_SHA384"]
    body = b"".join([
        _integer(1), _integer(version), _der(4, suite.to_bytes(2, "big")), _der(4, app_id), _der(4, bytes(48)),
        _der(0xA1, _integer(int(time.time()))), _der(0xA2, _integer(HOURS)), _der(0xA4, _der(4, b"")),
    ])  # fmt: skip
    text = base64.encodebytes(_der(0x30, body)).decode()
    return f"-----BEGIN SSL SESSION PARAMETERS-----\n{text}-----END SSL SESSION PARAMETERS-----\n"


@dataclass(frozen=True)
class OpenSslDatagrams:
    """`enter` are the words before the command, `folder` is that root's /tmp; `suites` are OpenSSL's names of them."""

    enter: Sequence[str]
    folder: Path
    suites: dict[str, str]

    def able(self, offer: DatagramOffer) -> DatagramOffer:
        having = tuple(name for name in offer.suites if name in self.suites)
        if not having:
            raise Unable
        return replace(offer, suites=having)

    def command(self, offer: DatagramOffer, tunnel: Tunnel) -> list[str]:
        word, version = {"1.2": ("-dtls1_2", 0xFEFD), "1.0": ("-dtls1", 0xFEFF)}[offer.version]
        (self.folder / "session.pem").write_text(session_of(tunnel.app_id, version))
        ciphers = f"{':'.join(self.suites[name] for name in offer.suites)}:@SECLEVEL=0"
        words = [word, "-cipher", ciphers, "-sess_in", "/tmp/session.pem", "-psk_identity", "psk"]
        words += ["-psk", tunnel.key.hex(), *([] if offer.extended_master_secret else ["-no_ems"])]
        return [*self.enter, "openssl", "s_client", "-connect", f"{Topology.GATEWAY_V4}:443", *words]

    def probe(self, offer: DatagramOffer, tunnel: Tunnel) -> DatagramOutcome:
        said = run(self.command(offer, tunnel))
        if alert := re.search(r"SSL alert number (\d+)", said):
            return DatagramOutcome(alert=int(alert.group(1)))
        found = re.search(r"(?m)^New, \S+, Cipher is (\S+)$", said)
        assert found is not None, said
        assert "Protocol  : DTLSv1.2" in said
        (suite,) = [name for name, own in self.suites.items() if own == found.group(1)]
        return DatagramOutcome(suite, "Extended master secret: yes" in said)


def openssl_datagrams(enter: Sequence[str], root: Path) -> OpenSslDatagrams:
    said = run([*enter, "openssl", "ciphers", "-stdname", "-psk", "-s", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"])
    return OpenSslDatagrams(enter, root / "tmp", dict(re.findall(r"(?m)^(TLS_\w+) +- (\S+)", said)))


# --- GnuTLS -----------------------------------------------------------------------------------------------------------

_PARTS: Final = {
    "AES_256_GCM_SHA384": ("AES-256-GCM", "AEAD"), "AES_128_GCM_SHA256": ("AES-128-GCM", "AEAD"),
    "CHACHA20_POLY1305_SHA256": ("CHACHA20-POLY1305", "AEAD"), "AES_128_CCM": ("AES-128-CCM", "AEAD"),
    "AES_256_CCM_8": ("AES-256-CCM-8", "AEAD"), "AES_128_CBC_SHA256": ("AES-128-CBC", "SHA256"),
    "AES_256_CBC_SHA": ("AES-256-CBC", "SHA1"), "NULL_SHA256": ("NULL", "SHA256"),
}  # fmt: skip
_EXCHANGES: Final = ("PSK", "DHE-PSK", "ECDHE-PSK", "RSA-PSK")
_SETTLED: Final = {"(DTLS1.2)-(PSK)-(AES-256-GCM)": "TLS_PSK_WITH_AES_256_GCM_SHA384",
                   "(DTLS1.2)-(PSK)-(AES-128-GCM)": "TLS_PSK_WITH_AES_128_GCM_SHA256"}  # fmt: skip


def _exchange(suite: str) -> str:
    return suite.removeprefix("TLS_").partition("_WITH_")[0].replace("_", "-")


def _cipher(suite: str) -> str:
    return suite.partition("_WITH_")[2]


@dataclass(frozen=True)
class GnuTlsDatagrams:
    """The machine's own GnuTLS. It puts suites together from parts: an offer of several has what their parts make."""

    enter: Sequence[str]

    def able(self, offer: DatagramOffer) -> DatagramOffer:
        having = tuple(name for name in offer.suites if _exchange(name) in _EXCHANGES)
        parts = {(_exchange(name), _PARTS[_cipher(name)]) for name in having}
        made = {(exchange, cipher) for exchange, _ in parts for _, cipher in parts}
        known = {(_exchange(name), _PARTS.get(_cipher(name))) for name in set(SUITES).difference(having)}
        if not having or made & known:
            raise Unable
        return replace(offer, suites=having)

    def priorities(self, offer: DatagramOffer) -> str:
        parts = [_PARTS[_cipher(name)] for name in offer.suites]
        words = ["NONE", f"+VERS-DTLS{offer.version}", *(f"+{_exchange(name)}" for name in offer.suites)]
        words += [*(f"+{cipher}" for cipher, _ in parts), *(f"+{mac}" for _, mac in parts)]
        words += ["+SIGN-ALL", "+GROUP-ALL", "+COMP-NULL", "+CTYPE-X509"]
        if not offer.extended_master_secret:
            words.append("%NO_SESSION_HASH")
        return ":".join(dict.fromkeys(words))

    def probe(self, offer: DatagramOffer, tunnel: Tunnel) -> DatagramOutcome:
        script = str(Path(__file__).with_name("gnutls_datagrams.py"))
        words = [Topology.GATEWAY_V4, tunnel.app_id.hex(), tunnel.key.hex(), self.priorities(offer)]
        said = run([*self.enter, sys.executable, "-I", script, *words]).split()
        match said:
            case ["unable"]:
                raise Unable
            case ["alert", number]:
                return DatagramOutcome(alert=int(number))
            case ["settled", description, extended]:
                return DatagramOutcome(_SETTLED.get(description, description), extended == "1")
        assert said == ["silence"], said
        return DatagramOutcome()
