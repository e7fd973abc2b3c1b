# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a plan true in the kernel and keeps it so: devices, routes, addresses, parameters, rules.

The order is the point. Pools are unreachable before a device or a lease exists and until the last of them is gone, so
that no packet for a client follows the default route; the rules stand before a device comes up. What a predecessor of
this process left installed is taken over as it is. Everything is opened in `__init__` and `install`, before the
sandbox.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from wolfguard.errors import ConfigurationError, LocalError, StartError
from wolfguard.linux import firewall, rtnetlink
from wolfguard.linux.netlink import Message, NetlinkError, Request
from wolfguard.linux.netlink_socket import ROUTE, NetlinkSocket
from wolfguard.linux.nft_counters import Counted
from wolfguard.linux.nftables import NftablesError
from wolfguard.linux.routes import Lease, LeaseTable, is_inside
from wolfguard.linux.rtnetlink import Interface, Network, Route
from wolfguard.linux.tun import TunDevice, open_device
from wolfguard.procs import log
from wolfguard.procs.netd.parameters import Parameters
from wolfguard.procs.netd.plan import Plan
from wolfguard.procs.netd.rules import Rules

QUEUE_PACKETS: Final = 1000
"""Length of a device's transmit queue: what waits while a worker is busy or being restarted."""

NO_ACCESS: Final = "-"
"""No access list of a site file has this name: nothing is reached."""

RETIREMENT_MARGIN_SECONDS: Final = 60
"""What a session that waits for its client may overstay, as others count."""

_IPV4_PARAMETERS: Final[Mapping[int, int]] = {
    # Loose: an inside source is held to its device by the rules, on the very packet; "strict" here would drop what
    # arrives while its lease moves from one device to another.
    rtnetlink.RP_FILTER: 2,
    rtnetlink.SEND_REDIRECTS: 0,
    rtnetlink.ACCEPT_REDIRECTS: 0,
    rtnetlink.ACCEPT_SOURCE_ROUTE: 0,
    rtnetlink.FORWARDING: 1,
}
_GONE: Final = (errno.ESRCH, errno.ENOENT, errno.ENODEV, errno.EADDRNOTAVAIL)

events = log.Log(__name__)


class OutsidePoolsError(LocalError):
    """A route was asked for that no pool holds, or to a device that is not there."""


class Installation:
    """What this gateway has in the kernel of its network namespace."""

    def __init__(self, plan: Plan, clock: Callable[[], float]) -> None:
        """`clock` counts seconds and never goes back."""
        self.plan = plan
        self._clock = clock
        self.leases = LeaseTable()
        self.devices: tuple[TunDevice, ...] = ()
        self.parameters = Parameters()
        self._retired: dict[Network, float] = {}
        self._netlink = NetlinkSocket(ROUTE)
        try:
            self._rules = Rules()
        except LocalError:
            self._netlink.close()
            raise

    def close(self) -> None:
        self._netlink.close()
        self._rules.close()
        self.parameters.close()

    # --- coming up --------------------------------------------------------------------------------------------------

    def install(self, descriptors: Sequence[int]) -> None:
        """Everything; raises LocalError with a line for the operator, having removed what it began with."""
        if len(descriptors) != len(self.plan.devices):
            raise StartError(f"{len(descriptors)} TUN descriptors for {len(self.plan.devices)} workers")
        self._refuse_own_addresses(self.plan.pools)
        found = self._our_routes()
        try:
            self._make_pools_unreachable(self.plan.pools)
            for descriptor, name in zip(descriptors, self.plan.devices, strict=True):
                self.devices += (open_device(descriptor, name),)
            self._take_over(found)
            self._load_rules()
            for device in self.devices:
                self._bring_up(device)
            self.parameters.forward(ipv6=self._ipv6, advertised=self._advertised_devices())
        except (LocalError, OSError):
            if not found and not any(device.adopted for device in self.devices):
                self.remove()
            raise

    def _refuse_own_addresses(self, pools: Iterable[Network]) -> None:
        """A pool with an address of the machine in it would cut the machine off from its own network."""
        for version in (4, 6):
            for message in self._dump("list addresses", rtnetlink.list_addresses(version, 0)):
                entry = rtnetlink.read_address(message)
                if entry is None or entry[0] in self._own_indexes():
                    continue
                for pool in pools:
                    if entry[1].ip in pool:
                        raise ConfigurationError(
                            f"the pool {pool} has this machine's own address {entry[1].ip} in it; "
                            "give clients a network of their own"
                        )

    def _own_indexes(self) -> set[int]:
        if self.devices:
            return {device.index for device in self.devices}
        return {index for index, name in socket.if_nameindex() if name in self.plan.devices}

    def _our_routes(self) -> list[Route]:
        return [route for version in (4, 6) for route in self._routes(version, rtnetlink.ROUTE_PROTOCOL)]

    def _routes(self, version: int, protocol: int, *, unreachable: bool = False) -> list[Route]:
        request = rtnetlink.list_routes(version, protocol, unreachable=unreachable)
        routes = (rtnetlink.read_route(message) for message in self._dump("list routes", request))
        return [route for route in routes if route is not None and route.protocol == protocol]

    def _dump(self, what: str, request: Request) -> list[Message]:
        try:
            return self._netlink.dump(what, request)
        except NetlinkError as error:
            if error.code in (errno.EOPNOTSUPP, errno.EAFNOSUPPORT):
                return []  # a kernel without IPv6
            raise

    def _make_pools_unreachable(self, pools: Iterable[Network]) -> None:
        for pool in pools:
            request = rtnetlink.replace_route(_unreachable(pool))
            self._netlink.do(f"cannot make the pool {pool} unreachable", request)

    def _take_over(self, found: Iterable[Route]) -> None:
        """Accepts the leases of a predecessor, and pools that the configuration has lost while leases are in them."""
        slots = {device.index: slot for slot, device in enumerate(self.devices)}
        under = self._rules.found() if found else {}
        for route in found:
            if route.device in slots:
                access = under.get(route.network, NO_ACCESS)
                self.leases.installed(Lease(route.network, slots[route.device], route.mtu, 0, access))
        for route in found:
            if not route.device and route.network not in self.plan.pools:
                self._retire(route.network)
        strangers = [lease for lease in self.leases.page(None, len(self.leases))[0] if not self._is_ours(lease.network)]
        self._delete_leases(strangers)
        self._rules.place({lease.network: lease.access for lease in self.leases.page(None, len(self.leases))[0]})
        if self.leases:
            events.info("leases_taken_over", routes=len(self.leases))

    def _is_ours(self, network: Network) -> bool:
        return any(is_inside(network, pool) for pool in self.pools)

    @property
    def pools(self) -> tuple[Network, ...]:
        return (*self.plan.pools, *sorted(self._retired, key=str))

    @property
    def _ipv6(self) -> bool:
        return any(pool.version == 6 for pool in self.pools)

    def _advertised_devices(self) -> set[int]:
        return {route.device for route in self._routes(6, rtnetlink.ADVERTISED) if route.device}

    def _bring_up(self, device: TunDevice) -> None:
        what = f"cannot set up the device {device.name}"
        self.parameters.prepare_device(device.name, ipv6=self._ipv6)
        self._set_mtu(device)
        self._netlink.do(what, rtnetlink.set_ipv4_parameters(device.index, _IPV4_PARAMETERS))
        if self.parameters.kernel_has_ipv6:
            self._netlink.do(what, rtnetlink.no_link_local_address(device.index))
        self._set_addresses(device)
        self._netlink.do(what, rtnetlink.set_up(device.index, True))

    def _set_mtu(self, device: TunDevice) -> None:
        request = rtnetlink.set_link(device.index, mtu=self.plan.mtu, queue_length=QUEUE_PACKETS)
        self._netlink.do(f"cannot set the MTU of {device.name} to {self.plan.mtu}", request)

    def _set_addresses(self, device: TunDevice) -> None:
        present = self._addresses(device)
        for address in present:
            if address not in self.plan.addresses:
                request = rtnetlink.delete_address(device.index, address)
                self._netlink.do(f"cannot remove {address} from {device.name}", request, tolerate=_GONE)
        for address in self.plan.addresses:
            if address not in present:
                request = rtnetlink.add_address(device.index, address)
                self._netlink.do(f"cannot give {device.name} the address {address}", request)

    def _addresses(self, device: TunDevice) -> list[Interface]:
        found: list[Interface] = []
        for version in (4, 6):
            request = rtnetlink.list_addresses(version, device.index)
            entries = (rtnetlink.read_address(message) for message in self._dump("list addresses", request))
            found += [entry[1] for entry in entries if entry is not None and entry[0] == device.index]
        return found

    # --- rules ------------------------------------------------------------------------------------------------------

    def _load_rules(self) -> None:
        self._rules.load(replace(self.plan.ruleset, pools=self.pools))

    def counters(self) -> dict[str, Counted]:
        """What the rules have dropped, by reason; empty when the table is not there."""
        return self._rules.counters()

    # --- leases -----------------------------------------------------------------------------------------------------

    def set_leases(self, wanted: Sequence[Lease]) -> None:
        """Routes them, each under its access list; older epochs lose silently. One that cannot be routed keeps no other
        from it.

        Raises OutsidePoolsError or NetlinkError for the first of those.
        """
        outside = [lease for lease in wanted if not self._is_possible(lease)]
        newer = self.leases.newer(lease for lease in wanted if self._is_possible(lease))
        # The list before the route: no packet of a new tunnel goes by what its predecessor was allowed.
        self._rules.place({lease.network: lease.access for lease in newer})
        refused = self._netlink.execute([rtnetlink.replace_route(self._route(lease)) for lease in newer])
        for position, lease in enumerate(newer):
            if position not in refused:
                self.leases.installed(lease)
        for lease in outside:
            raise OutsidePoolsError(
                f"{lease.network} on slot {lease.slot}: there are {len(self.devices)} slots, and the address pools are "
                + ", ".join(str(pool) for pool in self.pools)
            )
        for position, answer in refused.items():
            raise NetlinkError(f"cannot route {newer[position].network}", answer.code, answer.text)

    def _is_possible(self, lease: Lease) -> bool:
        return 0 <= lease.slot < len(self.devices) and self._is_ours(lease.network)

    def drop_leases(self, gone: Sequence[Lease]) -> list[Network]:
        """Gives networks back to their pools, where they are unreachable; returns those that were removed."""
        ended = self.leases.ended(gone)
        self._delete_leases(ended)
        self._rules.remove(lease.network for lease in ended)
        return [lease.network for lease in ended]

    def _route(self, lease: Lease) -> Route:
        return Route(lease.network, self.devices[lease.slot].index, lease.mtu)

    def _delete_leases(self, leases: Sequence[Lease]) -> None:
        refused = self._netlink.execute([rtnetlink.delete_route(self._route(lease)) for lease in leases])
        stuck = {position: answer for position, answer in refused.items() if answer.code not in _GONE}
        for position, lease in enumerate(leases):
            if position not in stuck:
                self.leases.removed(lease.network)
        for position, answer in stuck.items():
            raise NetlinkError(f"cannot remove the route to {leases[position].network}", answer.code, answer.text)

    # --- changes while running --------------------------------------------------------------------------------------

    def change(self, plan: Plan) -> None:
        """Takes over pools, addresses, MTU and rules of a new plan; devices stay. Raises LocalError."""
        self._refuse_own_addresses(plan.pools)
        self._make_pools_unreachable(plan.pools)
        for pool in set(self.plan.pools) - set(plan.pools):
            self._retire(pool)
        for pool in plan.pools:
            self._retired.pop(pool, None)
        devices = self.plan.devices
        self.plan = replace(plan, devices=devices, ruleset=replace(plan.ruleset, devices=devices))
        self.parameters.forward(ipv6=self._ipv6, advertised=self._advertised_devices())
        for device in self.devices:
            self.parameters.prepare_device(device.name, ipv6=self._ipv6)
            self._set_mtu(device)
            self._set_addresses(device)
        self._load_rules()

    def _retire(self, pool: Network) -> None:
        """A pool that the configuration has lost: sessions that wait for their client may yet come back to it."""
        self._retired[pool] = self._clock() + self.plan.reconnect + RETIREMENT_MARGIN_SECONDS

    def end_retired_pools(self) -> list[Network]:
        """Lets go of those in which no lease is and none can come back; returns them."""
        now = self._clock()
        over = [pool for pool, end in self._retired.items() if end <= now and not self.leases.any_inside(pool)]
        for pool in over:
            request = rtnetlink.delete_route(_unreachable(pool))
            self._netlink.do(f"cannot remove the pool {pool}", request, tolerate=_GONE)
            del self._retired[pool]
        if over:
            self._load_rules()
        return over

    def unreachable_pools(self) -> set[Network]:
        """The pools that the kernel holds unreachable at this moment."""
        return {
            route.network
            for version in (4, 6)
            for route in self._routes(version, rtnetlink.ROUTE_PROTOCOL, unreachable=True)
            if route.device == 0
        }

    def repair(self) -> list[str]:
        """Puts back what somebody else removed (`nft flush ruleset`, a network daemon); returns what, in words."""
        repaired = []
        missing = set(self.pools) - self.unreachable_pools()
        if missing:
            self._make_pools_unreachable(missing)
            repaired += [f"unreachable route of {pool}" for pool in sorted(missing, key=str)]
        if not self.counters():
            self._load_rules()
            repaired.append(f"nftables table {firewall.TABLE}")
        return repaired

    # --- going ------------------------------------------------------------------------------------------------------

    def remove(self) -> None:
        """Everything: devices with their routes, then rules, then the pools' routes. Goes on past what fails."""
        for device in self.devices:
            # The descriptors stay open elsewhere; without its device they carry nothing.
            self._remove(f"cannot remove {device.name}", rtnetlink.delete_link(device.index))
        try:
            self._rules.clear()
        except NftablesError as error:
            events.error("not_removed", error=str(error))
        for pool in self.pools:
            self._remove(f"cannot remove the pool {pool}", rtnetlink.delete_route(_unreachable(pool)))
        self.parameters.restore()

    def _remove(self, what: str, request: Request) -> None:
        try:
            self._netlink.do(what, request, tolerate=_GONE)
        except LocalError as error:
            events.error("not_removed", error=str(error))


def _unreachable(pool: Network) -> Route:
    return Route(pool, 0, metric=rtnetlink.UNREACHABLE_METRIC)
