# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether something keeps the machine's clock: the kernel's own word (adjtimex(2), read only).

The kernel sets STA_UNSYNC at boot and when the estimated error has grown too large since the last correction, so
chrony, ntpd and systemd-timesyncd all clear it while they do their work.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from typing import Final

STA_UNSYNC: Final = 0x0040
TIME_ERROR: Final = 5
_BUFFER_BYTES: Final = 512  # struct timex has 208 on 64-bit machines
_STATUS_AT: Final = 40  # modes, offset, freq, maxerror, esterror come before it; int

_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Synchronization:
    """`state` is adjtimex's result (0 to 5), `status` its STA_ bits."""

    state: int
    status: int

    @property
    def synchronized(self) -> bool:
        return self.state != TIME_ERROR and not self.status & STA_UNSYNC


def synchronization() -> Synchronization:
    """Asks the kernel and changes nothing. Raises OSError."""
    timex = ctypes.create_string_buffer(_BUFFER_BYTES)  # modes 0: read
    state = _LIBC.adjtimex(timex)
    if state < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return Synchronization(state, ctypes.c_int.from_buffer(timex, _STATUS_AT).value)
