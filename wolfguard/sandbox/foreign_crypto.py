# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps cryptography that is not our module out of a confined process, and proves that it is out.

Python's `_ssl` and `_hashlib` map OpenSSL; the standard library works without them (hashlib falls back to code of
CPython's own, asyncio does without TLS). Must be imported before anything that imports `ssl` or `hashlib`.
"""

from __future__ import annotations

import os.path
import sys
from typing import Final

BLOCKED: Final = ("_ssl", "_hashlib")
FOREIGN: Final = ("libcrypto", "libssl", "libgnutls", "libnss3", "libmbedcrypto", "libgcrypt", "libnettle")
"""How file names of other cryptographic libraries begin."""


def block() -> None:
    """Makes later imports of OpenSSL's bindings fail; where one is loaded already, `mapped` will tell."""
    for name in BLOCKED:
        # None in sys.modules makes an import raise ImportError; typeshed does not know that.
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


def mapped(maps: str) -> tuple[str, ...]:
    """Foreign cryptographic libraries in the text of /proc/<pid>/maps, each once, by path."""
    paths = {fields[5] for line in maps.splitlines() if len(fields := line.split(maxsplit=5)) == 6}
    return tuple(sorted(path for path in paths if os.path.basename(path).startswith(FOREIGN)))
