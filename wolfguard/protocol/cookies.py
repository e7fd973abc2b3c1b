# SPDX-License-Identifier: GPL-3.0-or-later
"""The cookies of this protocol: `webvpn` bears the session, `webvpncontext` carries a login from round to round.

Owns reading and writing of both (RFC 6265, as far as clients have it). Values are opaque here. `webvpnc` tells Cisco's
clients where to look for downloads; it says nothing here, since no profile and no hash of a certificate is offered.
"""

from __future__ import annotations

import re
from typing import Final

from wolfguard.errors import LocalError, PeerError
from wolfguard.protocol.http import Request
from wolfguard.secret import Secret

SESSION: Final = "webvpn"
CONTEXT: Final = "webvpncontext"
VALUE_MAX: Final = 256

# RFC 6265 §4.1.1 allows more; these are what tokens are spelled with, safe in cookies, XML and logs alike.
_VALUE: Final = re.compile(rf"[A-Za-z0-9+/=_.~@-]{{1,{VALUE_MAX}}}")
_ATTRIBUTES: Final = "path=/; Secure; HttpOnly"
_EXPIRED: Final = "expires=Thu, 01 Jan 1970 00:00:00 GMT"


def is_token(value: str) -> bool:
    """Whether a value may be a cookie or a login flow of ours."""
    return _VALUE.fullmatch(value) is not None


def find(request: Request, name: str) -> str:
    """The value of the first cookie of that name, or "" when it is absent or empty; unchecked."""
    for header in request.values("cookie"):
        for pair in header.split(";"):
            key, separator, value = pair.strip().partition("=")
            if separator and key == name:
                return value.strip('"')
    return ""


def find_session(request: Request) -> Secret:
    """The bearer cookie. Raises PeerError: connect_cookie_missing, connect_cookie."""
    value = find(request, SESSION)
    if not value:
        raise PeerError("connect_cookie_missing", "no webvpn cookie")
    if not is_token(value):
        raise PeerError("connect_cookie", f"{len(value)} characters that no cookie of ours has")
    return Secret(value.encode("ascii"))


def find_context(request: Request) -> str:
    """The flow of a login that began earlier, or "". Raises PeerError login_flow."""
    value = find(request, CONTEXT)
    if value and not is_token(value):
        raise PeerError("login_flow", f"a context cookie of {len(value)} characters")
    return value


def give_session(cookie: Secret) -> tuple[str, str]:
    """Raises LocalError when the cookie is not a token."""
    return _give(SESSION, cookie.reveal().decode("latin-1"))


def give_context(flow: str) -> tuple[str, str]:
    """Raises LocalError when the flow is not a token."""
    return _give(CONTEXT, flow)


def give_download() -> tuple[tuple[str, str], ...]:
    """An old `webvpnc` is taken back first, as Cisco's own gateways do."""
    return (take_back("webvpnc"), ("Set-Cookie", f"webvpnc=bu:/&p:t&iu:1/; {_ATTRIBUTES}"))


def take_back(name: str) -> tuple[str, str]:
    return ("Set-Cookie", f"{name}=; {_EXPIRED}; {_ATTRIBUTES}")


def _give(name: str, value: str) -> tuple[str, str]:
    if not is_token(value):
        raise LocalError(f"the value made for the cookie {name} is no token: use base64url")
    return ("Set-Cookie", f"{name}={value}; {_ATTRIBUTES}")
