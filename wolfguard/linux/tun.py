# SPDX-License-Identifier: GPL-3.0-or-later
"""TUN devices: what an open descriptor of /dev/net/tun becomes.

The descriptor is opened by somebody else and shared with the process that carries the packets: what is set here holds
for all its duplicates. The device lives as long as one of them is open. Knows no addresses and no routes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

from wolfguard.errors import StartError

VNET_HEADER_BYTES: Final = 12
"""struct virtio_net_hdr_mrg_rxbuf: the header before every packet, with its last two bytes unused by a TUN."""

_TUNSETIFF: Final = 0x400454CA
_TUNGETIFF: Final = 0x800454D2
_TUNSETOFFLOAD: Final = 0x400454D0
_TUNSETVNETHDRSZ: Final = 0x400454D8

_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_IFF_VNET_HDR: Final = 0x4000
_IFF_TUN_EXCL: Final = 0x8000
_WANTED_FLAGS: Final = _IFF_TUN | _IFF_NO_PI | _IFF_VNET_HDR
_MEANINGFUL_FLAGS: Final = 0x0003 | 0x0100 | _IFF_NO_PI | _IFF_VNET_HDR  # TUN or TAP, several queues
_NAME_BYTES: Final = 16
_IFREQ: Final = struct.Struct("=16sH22x")

_CSUM: Final = 0x01
_TSO4: Final = 0x02
_TSO6: Final = 0x04
_TSO_ECN: Final = 0x08
_USO4: Final = 0x20
_USO6: Final = 0x40

_OFFLOADS: Final = (
    # What is asked for, best first. USO came with Linux 6.2 and is taken for both families or for none; everything
    # needs CSUM; a kernel that refuses a bit refuses the whole set.
    _CSUM | _TSO4 | _TSO6 | _TSO_ECN | _USO4 | _USO6,
    _CSUM | _TSO4 | _TSO6 | _USO4 | _USO6,
    _CSUM | _TSO4 | _TSO6 | _TSO_ECN,
    _CSUM | _TSO4 | _TSO6,
    _CSUM | _TSO4,
    _CSUM,
    0,
)
_OFFLOAD_NAMES: Final = (
    (_CSUM, "csum"),
    (_TSO4, "tso4"),
    (_TSO6, "tso6"),
    (_TSO_ECN, "tso-ecn"),
    (_USO4, "uso4"),
    (_USO6, "uso6"),
)


@dataclass(frozen=True, slots=True)
class TunDevice:
    """`index` is the interface's; `offloads` are names of what the kernel may leave to the reader of the descriptor.

    `adopted`: the descriptor had been attached before, the device and its routes may be in use.
    """

    name: str
    index: int
    offloads: tuple[str, ...]
    adopted: bool


def _attached_to(descriptor: int) -> tuple[str, int] | None:
    """Name and flags of the device behind a descriptor, None when it has none yet."""
    try:
        answer = fcntl.ioctl(descriptor, _TUNGETIFF, bytes(_IFREQ.size))
    except OSError as error:
        if error.errno == errno.EBADFD:
            return None
        raise
    name, flags = _IFREQ.unpack(answer)
    return name.rstrip(b"\0").decode("ascii"), flags


def _set_offloads(descriptor: int) -> tuple[str, ...]:
    """Asks for all, then for less; returns the names of what is on."""
    for offloads in _OFFLOADS:
        try:
            fcntl.ioctl(descriptor, _TUNSETOFFLOAD, offloads)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            continue
        return tuple(name for bit, name in _OFFLOAD_NAMES if offloads & bit)
    return ()


def _attach(descriptor: int, name: str) -> bool:
    """Makes the device, or finds it made by a predecessor; returns whether it was found."""
    found = _attached_to(descriptor)
    if found is None:
        request = _IFREQ.pack(name.encode("ascii"), _WANTED_FLAGS | _IFF_TUN_EXCL)
        fcntl.ioctl(descriptor, _TUNSETIFF, request)
        return False
    if found[0] != name or found[1] & _MEANINGFUL_FLAGS != _WANTED_FLAGS:
        raise StartError(
            f"the TUN descriptor for {name} belongs to {found[0]} (flags {found[1]:#06x}): restart the whole gateway"
        )
    return True


def _refusal(name: str, error: OSError) -> str:
    reason = os.strerror(error.errno or 0)
    if error.errno == errno.EBUSY:
        return f"a network device {name} exists that is not the gateway's: remove it or set another tun_prefix"
    if error.errno in (errno.EPERM, errno.EACCES):
        return f"cannot make the TUN device {name}: {reason}; it needs CAP_NET_ADMIN in this network namespace"
    return f"cannot make the TUN device {name}: {reason}"


def open_device(descriptor: int, name: str) -> TunDevice:
    """Turns the descriptor into device `name`, with vnet headers and offloads, non-blocking; down if it is new.

    Accepts a descriptor that is that device already. Raises StartError with one line that says what to do.
    """
    if not 0 < len(name.encode("ascii", "replace")) < _NAME_BYTES or not name.isascii():
        raise StartError(f"{name!r} is no name for a network device: 1 to {_NAME_BYTES - 1} ASCII characters")
    try:
        adopted = _attach(descriptor, name)
        fcntl.ioctl(descriptor, _TUNSETVNETHDRSZ, struct.pack("=i", VNET_HEADER_BYTES))
        offloads = _set_offloads(descriptor)
        os.set_blocking(descriptor, False)
        return TunDevice(name, socket.if_nametoindex(name), offloads, adopted)
    except OSError as error:
        raise StartError(_refusal(name, error)) from error
