# SPDX-License-Identifier: GPL-3.0-or-later
"""TUN descriptors and traffic counters: one of each for a slot, kept here so that they outlive worker and netd.

The last descriptor of a TUN takes the device and its routes along; counters in a worker's own memory would die with it.
"""

from __future__ import annotations

import fcntl
import os

from wolfguard.errors import StartError

TUN_DEVICE = "/dev/net/tun"
TRAFFIC_ENTRY_BYTES = 64


def open_tuns(slots: int, path: str = TUN_DEVICE) -> list[int]:
    """Descriptors that netd makes devices of. Raises StartError."""
    descriptors: list[int] = []
    try:
        for _ in range(slots):
            descriptors.append(os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        for descriptor in descriptors:
            os.close(descriptor)
        raise StartError(
            f"cannot open {path}: {error.strerror}; load the kernel's tun module (modprobe tun), "
            "or give this container the device"
        ) from error
    return descriptors


def make_traffic(slots: int, sessions: int) -> list[int]:
    """Memory of fixed size for each slot: an entry of 64 bytes for each session that can be."""
    descriptors: list[int] = []
    for slot in range(slots):
        descriptor = os.memfd_create(f"wolfguard-traffic-{slot}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        descriptors.append(descriptor)
        os.ftruncate(descriptor, max(1, sessions) * TRAFFIC_ENTRY_BYTES)
        # A worker that could shrink it would make sessiond fault on its mapping.
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return descriptors
