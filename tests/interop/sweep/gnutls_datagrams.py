# SPDX-License-Identifier: GPL-3.0-or-later
"""One DTLS handshake of GnuTLS with a pre-shared key, and what came of it in one line: "settled DESCRIPTION EMS" (as
GnuTLS describes it, without spaces), "alert NUMBER", "silence", or "unable" where the library knows no such priorities.

Run by itself in the client's namespace: gateway's address, name of the tunnel and key in hexadecimal, priorities. The
session's name goes into the hello as openconnect puts it there, which gnutls-cli cannot.
"""

from __future__ import annotations

import ctypes
import socket
import sys

CLIENT, DATAGRAM = 2, 4
CREDENTIALS_PSK, KEY_RAW = 4, 0
FATAL_ALERT_RECEIVED, TIMED_OUT, AGAIN, INTERRUPTED, WARNING_ALERT = -12, -319, -28, -52, -16
REPEAT_MS, PATIENCE_MS = 1000, 10000


class Datum(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_uint))


def datum(data: bytes) -> Datum:
    return Datum(data, len(data))


def main(address: str, name: str, key: str, priorities: str) -> str:
    library = ctypes.CDLL("libgnutls.so.30")
    library.gnutls_session_get_desc.restype = ctypes.c_char_p
    session, credentials = ctypes.c_void_p(), ctypes.c_void_p()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to:
        to.connect((address, 443))
        assert library.gnutls_init(ctypes.byref(session), CLIENT | DATAGRAM) == 0
        if library.gnutls_priority_set_direct(session, priorities.encode(), None) != 0:
            return "unable"
        assert library.gnutls_psk_allocate_client_credentials(ctypes.byref(credentials)) == 0
        secret = datum(bytes.fromhex(key))
        assert library.gnutls_psk_set_client_credentials(credentials, b"psk", ctypes.byref(secret), KEY_RAW) == 0
        assert library.gnutls_credentials_set(session, CREDENTIALS_PSK, credentials) == 0
        assert library.gnutls_session_set_id(session, ctypes.byref(datum(bytes.fromhex(name)))) == 0
        library.gnutls_transport_set_int2(session, to.fileno(), to.fileno())
        library.gnutls_dtls_set_timeouts(session, REPEAT_MS, PATIENCE_MS)
        while (done := library.gnutls_handshake(session)) in (AGAIN, INTERRUPTED, WARNING_ALERT):
            pass
        if done == FATAL_ALERT_RECEIVED:
            return f"alert {library.gnutls_alert_get(session)}"
        if done == TIMED_OUT:
            return "silence"
        if done != 0:
            return f"failed {done}"
        description = library.gnutls_session_get_desc(session).decode()
        return f"settled {description} {int(library.gnutls_session_ext_master_secret_status(session) != 0)}"


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
