# SPDX-License-Identifier: GPL-3.0-or-later
"""Which URL means what: logins, the tunnel, and the few files that Cisco's clients look for.

Owns paths. The files say "there is nothing to update": without an answer those clients stop before they log in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from wolfguard.protocol.http import Response

LOGIN_PATHS: Final = frozenset({"/", "/auth", "/VPN"})
LOGIN_ACTION: Final = "/auth"
LOGOUT_PATH: Final = "/logout"

_HTML: Final = Response(200, b"<html></html>\n", "text/html; charset=utf-8")
_TEXT: Final = "text/plain; charset=utf-8"

FILES: Final[Mapping[str, Response]] = MappingProxyType(
    {
        "/1/index.html": _HTML,
        "/1/Linux": _HTML,
        "/1/Linux_64": _HTML,
        "/1/Windows": _HTML,
        "/1/Windows_ARM64": _HTML,
        "/1/Darwin_i386": _HTML,
        "/1/binaries/vpndownloader.sh": Response(200, b"#!/bin/sh\nexit 0\n", "application/x-shellscript"),
        "/1/binaries/update.txt": Response(200, b"0,0,0000\n", _TEXT),
        "/1/VPNManifest.xml": Response(
            200, b'<?xml version="1.0" encoding="UTF-8"?>\n<vpn rev="1.0"></vpn>\n', "text/xml; charset=utf-8"
        ),
    }
)


class Groups:
    """The groups that a site offers: found by name or by label, since some clients send one, some the other."""

    def __init__(self, groups: Iterable[tuple[str, str]] = ()) -> None:
        """`groups`: (name, label) pairs; names win over labels."""
        pairs = tuple(groups)
        self._names = {label: name for name, label in pairs if label} | {name: name for name, _ in pairs}

    def resolve(self, text: str) -> str:
        """The name of the group that `text` means, or ""."""
        return self._names.get(text, "")

    def at(self, path: str) -> str:
        """The name of the group that a URL path means, or ""; the path may be percent-encoded."""
        return self.resolve(unquote(path.strip("/"), errors="replace"))
