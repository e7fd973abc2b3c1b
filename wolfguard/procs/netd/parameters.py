# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters that the gateway needs and rtnetlink cannot set: forwarding, and IPv6 of the devices.

Files are opened before the sandbox and kept, so that a reload can still write them.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable
from typing import Final

from wolfguard.errors import StartError
from wolfguard.linux.sysctl import Sysctl, SysctlError
from wolfguard.procs import log

_IPV4_FORWARDING: Final = "ipv4/ip_forward"
_IPV6_FORWARDING: Final = "ipv6/conf/all/forwarding"

events = log.Log(__name__)


class Parameters:
    """What of /proc/sys/net is held, and what it was before."""

    def __init__(self) -> None:
        self.kernel_has_ipv6 = os.path.isdir("/proc/sys/net/ipv6/conf")
        self._held: dict[str, Sysctl] = {}
        self._listening: dict[int, Sysctl] = {}

    def _sysctl(self, path: str) -> Sysctl:
        if path not in self._held:
            self._held[path] = Sysctl(path)
        return self._held[path]

    def forward(self, *, ipv6: bool, advertised: Iterable[int]) -> None:
        """Turns forwarding on where it is off. Raises SysctlError with the command that an administrator can run.

        `advertised`: interfaces with routes from router advertisements. A forwarding kernel stops listening to those
        and forgets the routes, perhaps its default route, unless accept_ra is 2 there.
        """
        self._turn_on(_IPV4_FORWARDING)
        if not self.kernel_has_ipv6:
            return
        # Opened even without an IPv6 pool, since a reload may bring one.
        listening = [accept for index in advertised for accept in self._accept_ra(index)]
        if self._sysctl(_IPV6_FORWARDING).read() or not ipv6:
            return
        for accept in listening:
            if accept.read() == 1 and accept.ensure(2):
                events.info("router_advertisements_kept", parameter=accept.name)
        self._turn_on(_IPV6_FORWARDING)

    def _accept_ra(self, index: int) -> list[Sysctl]:
        """The interface's parameter, under the name that it had when it was first seen; empty when it has gone."""
        if index not in self._listening:
            try:
                name = socket.if_indextoname(index)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    return []
                raise SysctlError(
                    f"interface {index} learns routes from router advertisements and cannot be looked at while the "
                    "gateway runs: restart the gateway"
                ) from error
            self._listening[index] = self._sysctl(f"ipv6/conf/{name}/accept_ra")
        return [self._listening[index]]

    def _turn_on(self, path: str) -> None:
        if self._sysctl(path).ensure(1):
            events.info("forwarding_turned_on", parameter=self._sysctl(path).name)

    def prepare_device(self, name: str, *, ipv6: bool) -> None:
        """IPv6 off where no pool has it; never configured by what comes out of a tunnel."""
        if not self.kernel_has_ipv6:
            if ipv6:
                raise StartError("an IPv6 pool is configured, but this kernel runs without IPv6: remove ipv6.disable=1")
            return
        disable = self._sysctl(f"ipv6/conf/{name}/disable_ipv6")
        if ipv6:
            disable.ensure(0)
        self._wish(f"ipv6/conf/{name}/accept_ra", 0)
        self._wish(f"ipv6/conf/{name}/accept_redirects", 0)
        self._wish(f"ipv6/conf/{name}/autoconf", 0)
        if not ipv6:
            self._wish(f"ipv6/conf/{name}/disable_ipv6", 1)

    def _wish(self, path: str, value: int) -> None:
        """Defence in depth, since the rules drop what these would listen to: a read-only /proc/sys is only told."""
        try:
            self._sysctl(path).ensure(value)
        except SysctlError as error:
            events.warning("parameter_not_set", error=str(error))

    def forwarding(self) -> dict[str, str]:
        """As the kernel has it now: "on" or "off", with "(by the gateway)" when it was found off."""
        found = {}
        for version, path in (("ipv4", _IPV4_FORWARDING), ("ipv6", _IPV6_FORWARDING)):
            if path in self._held:
                state = "on" if self._held[path].read() else "off"
                found[version] = f"{state} (by the gateway)" if self._held[path].changed else state
        return found

    def restore(self) -> None:
        """Puts back what was changed; what belonged to a device went with it."""
        for sysctl in self._held.values():
            sysctl.restore()

    def close(self) -> None:
        for sysctl in self._held.values():
            sysctl.close()
        self._held.clear()
