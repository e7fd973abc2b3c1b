# SPDX-License-Identifier: GPL-3.0-or-later
"""Every cause for which this protocol refuses what a client sent, with the HTTP status that the client gets.

One place for labels: they are the `PeerError.label`, the counter and the reason of the event. A label never changes
its meaning. Status codes are chosen for what clients do with them: 401 makes openconnect forget its cookie, 503 is
shown to the user with X-Reason and retried on a reconnect.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

REFUSALS: Final[Mapping[str, int]] = MappingProxyType(
    {
        # http.py
        "http_malformed": 400,
        "http_framing": 400,
        "http_pipelined": 400,
        "http_headers_too_large": 431,
        "http_body_too_large": 413,
        "http_transfer_encoding": 501,
        "http_method": 405,
        "http_path": 404,
        # markup.py
        "markup_encoding": 400,
        "markup_forbidden": 400,
        "markup_limit": 400,
        "markup_malformed": 400,
        # login.py
        "login_document": 400,
        "login_field": 400,
        "login_field_limit": 400,
        "login_flow": 400,
        "login_form": 400,
        # tunnel.py
        "connect_address_type": 400,
        "connect_cookie": 401,
        "connect_cookie_missing": 401,
        "connect_mtu": 400,
        "connect_version": 400,
        # connection.py
        "too_busy": 503,
        "unavailable": 503,
    }
)

REASON_PHRASES: Final[Mapping[int, str]] = MappingProxyType(
    {
        100: "Continue",
        200: "OK",
        400: "Bad Request",
        401: "Unauthorized",
        403: "Forbidden",
        404: "Not Found",
        405: "Method Not Allowed",
        409: "Conflict",
        413: "Content Too Large",
        431: "Request Header Fields Too Large",
        500: "Internal Server Error",
        501: "Not Implemented",
        503: "Service Unavailable",
        504: "Gateway Timeout",
    }
)
