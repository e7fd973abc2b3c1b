# SPDX-License-Identifier: GPL-3.0-or-later
"""Keying material of a TLS connection of Python's own, which the ssl module has no name for.

Reads the SSL pointer out of CPython's object (its layout is the same from 3.6 to 3.14) and asks the very OpenSSL that
made it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import ssl
from typing import Any, Final

_POINTER: Final = ctypes.sizeof(ctypes.c_void_p)
_SSL_PLACE: Final = 3 * _POINTER
"""Behind the count of references, the type and the socket."""
_LIBRARY: Final = ctypes.CDLL(ctypes.util.find_library("ssl"))


def export(tls: ssl.SSLSocket, label: bytes, length: int) -> bytes:
    inner: Any = tls
    pointer = ctypes.c_void_p.from_address(id(inner._sslobj) + _SSL_PLACE)
    out = ctypes.create_string_buffer(length)
    done = _LIBRARY.SSL_export_keying_material(
        pointer, out, ctypes.c_size_t(length), label, ctypes.c_size_t(len(label)), None, ctypes.c_size_t(0), 0
    )
    assert done == 1, "OpenSSL exported nothing"
    return out.raw
