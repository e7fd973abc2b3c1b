# SPDX-License-Identifier: GPL-3.0-or-later
"""Forgets the tracked flows of addresses that were given back, so that their next owner inherits none.

Addresses rest before reuse, which leaves time: they are collected and swept together, a part of the kernel's table at
a time, so that routes never wait for it.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
from collections.abc import Iterable
from typing import Final

from wolfguard.errors import LocalError
from wolfguard.linux import conntrack
from wolfguard.linux.netlink import Request
from wolfguard.linux.netlink_socket import NETFILTER, NetlinkSocket
from wolfguard.linux.rtnetlink import Network
from wolfguard.procs import log

PAUSE_SECONDS: Final = 1.0
"""Between two sweeps: many logouts cost one pass over the table."""

events = log.Log(__name__)


class FlowSweeper:
    """Owns a netlink socket, opened at once, before the sandbox."""

    def __init__(self) -> None:
        self._netlink = NetlinkSocket(NETFILTER)
        self._waiting: set[Network] = set()
        self._wake = asyncio.Event()
        self.forgotten = 0

    def close(self) -> None:
        self._netlink.close()

    def forget(self, networks: Iterable[Network]) -> None:
        """Takes note of networks whose flows shall end."""
        self._waiting.update(networks)
        if self._waiting:
            self._wake.set()

    async def run(self) -> None:
        """Sweeps whenever there is something, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.sweep()
            except Exception:
                # Routes and rules go on; flows of these addresses end by themselves while the addresses rest.
                events.exception("flows_not_forgotten")
            await asyncio.sleep(PAUSE_SECONDS)

    async def sweep(self) -> int:
        """One pass for all that waits; returns how many flows were deleted. A kernel that refuses is only logged."""
        ended, self._waiting = Ended(self._waiting), set()
        doomed: list[Request] = []
        try:
            for part in self._netlink.dump_parts("list tracked flows", conntrack.list_flows()):
                doomed += filter(None, (conntrack.delete_matching(message, ended) for message in part))
                await asyncio.sleep(0)
            refused = self._netlink.execute(doomed)
        except LocalError as error:
            events.warning("flows_not_forgotten", error=str(error))
            return 0
        for answer in refused.values():
            if answer.code != errno.ENOENT:  # it has ended by itself
                events.warning("flow_not_forgotten", error=os.strerror(answer.code))
        deleted = len(doomed) - len(refused)
        self.forgotten += deleted
        return deleted


class Ended:
    """Packed addresses, as a container: single ones by look-up, the few wider networks one by one."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._single: set[bytes] = set()
        self._wide: list[Network] = []
        for network in networks:
            if network.prefixlen == network.max_prefixlen:
                self._single.add(network.network_address.packed)
            else:
                self._wide.append(network)

    def __contains__(self, packed: object) -> bool:
        if not isinstance(packed, bytes):
            return False
        return packed in self._single or any(ipaddress.ip_address(packed) in network for network in self._wide)
