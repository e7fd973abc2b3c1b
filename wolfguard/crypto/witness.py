# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS connections that are opened to look at a server: the native client with nothing of the server checked.

Who it is and whether its certificate is any good is what the caller wants to find out, so nothing that another one must
not hear may be said through it. That the server holds the key of its certificate is checked, as in every handshake: by
its signature (RFC 8446 section 4.4.3, RFC 5246 section 7.4.3).
"""

from __future__ import annotations

from dataclasses import dataclass

from wolfguard import _native
from wolfguard._native import SignChannel
from wolfguard.crypto.client import TlsClient
from wolfguard.errors import LocalError


@dataclass(frozen=True, slots=True)
class WitnessSettings:
    """`version` is "1.3" or "1.2"; the other names are IANA's, the first group gets a key share. `server_name` is sent
    as SNI, empty for none."""

    version: str
    suites: tuple[str, ...]
    groups: tuple[str, ...]
    signatures: tuple[str, ...]
    server_name: str = ""


class Witness(TlsClient):
    """One connection to whoever is there. Raises LocalError for what this process's libwolfssl was built without,
    PeerError with a label when the connection is at its end. `chain` is DER, the server's own first, once the handshake
    is done."""

    def __init__(self, settings: WitnessSettings) -> None:
        self.chain: tuple[bytes, ...] = ()
        self._judge = self._keep
        try:
            self._client = _native.TlsClient(
                channel=SignChannel(),
                server_name=settings.server_name,
                authorities=b"",
                chain=b"",
                key=0,
                protocols="",
                suites=list(settings.suites),
                groups=list(settings.groups),
                signatures=list(settings.signatures),
                minimum_rsa_bits=0,
                version=settings.version,
                any_server=True,
            )
        except ValueError as error:
            raise LocalError(str(error)) from None

    def _keep(self, chain: object) -> None:
        self.chain = tuple(self._client.chain())
