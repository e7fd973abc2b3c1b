# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that rules can name, as bytes: what a client sends first, and what none should get away with.

None of them logs in, and none costs the server more than its answer: what is too long is refused before it is kept.
"""

from __future__ import annotations

import base64
from typing import Final
from xml.sax.saxutils import escape

AGENT: Final = "wolfguard audit"
"""By this name the gateway's records show who asked."""
LONG_HEADER: Final = 96 * 1024
LONG_BODY: Final = 64 * 1024 * 1024
_VERSION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


def post(path: str, host: str, body: str) -> bytes:
    """A document of ours."""
    data = body.encode()
    kind = "Content-Type: application/x-www-form-urlencoded"
    return _head(f"POST {path}", host, kind, f"Content-Length: {len(data)}") + data


def first(host: str, group: str = "") -> bytes:
    """What begins a login (aggregate authentication)."""
    chosen = f"<group-select>{escape(group)}</group-select>" if group else ""
    return post("/", host, _document("init", f"{chosen}<group-access>https://{escape(host)}</group-access>"))


def reply(inner: str) -> str:
    """What answers a form; `inner` are its elements."""
    return _document("auth-reply", inner)


def connect(host: str, cookie: str) -> bytes:
    """Asks for a tunnel, with DTLS whose key comes from this connection; `cookie` empty for none."""
    given = (f"Cookie: webvpn={cookie}",) if cookie else ()
    return _head(
        "CONNECT /CSCOSSLC/tunnel",
        host,
        *given,
        "X-CSTP-Version: 1",
        "X-CSTP-Hostname: audit",
        "X-CSTP-Address-Type: IPv6,IPv4",
        "X-CSTP-Full-IPv6-Capability: true",
        "X-DTLS-CipherSuite: PSK-NEGOTIATE",
    )


def logout(host: str, cookie: str) -> bytes:
    return _head("GET /logout", host, f"Cookie: webvpn={cookie}")


def stray(name: str, host: str, random: bytes) -> bytes:
    """One of `STRAY`. `random` is 32 bytes that nobody could know."""
    token = base64.urlsafe_b64encode(random).decode().rstrip("=")
    match name:
        case "form":
            return first(host)
        case "unknown-page":
            return _head(f"GET /{token}", host)
        case "trace":
            return _head("TRACE /", host)
        case "no-cookie":
            return connect(host, "")
        case "forged-cookie":
            return connect(host, token)
        case "long-header":
            return _head("GET /", host, "X-Padding: " + "a" * LONG_HEADER)
        case "long-body":
            return _head("POST /", host, f"Content-Length: {LONG_BODY}")
        case "two-lengths":
            return _head("POST /", host, "Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n"
    raise KeyError(name)


STRAY: Final = (
    "form", "unknown-page", "trace", "no-cookie", "forged-cookie", "long-header", "long-body", "two-lengths",
)  # fmt: skip


def _document(kind: str, inner: str) -> str:
    return (
        f'{_VERSION}<config-auth client="vpn" type="{kind}" aggregate-auth-version="2">'
        f'<version who="vpn">v9.12</version><device-id>linux-64</device-id>{inner}</config-auth>'
    )


def _head(line: str, host: str, *headers: str) -> bytes:
    lines = (f"{line} HTTP/1.1", f"Host: {host}", f"User-Agent: {AGENT}", *headers)
    return "\r\n".join((*lines, "", "")).encode("latin-1", "replace")
