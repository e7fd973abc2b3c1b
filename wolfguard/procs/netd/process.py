# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of netd and its messages. Reads them, checks them, and lets the installation do the rest."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import time
from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from wolfguard.errors import LocalError
from wolfguard.ipc.life import Fact
from wolfguard.ipc.management import AskNetdStatus, NetdStatus
from wolfguard.ipc.messages import Done, Message
from wolfguard.ipc.routes import DropRoutes, HostRoute, ListRoutes, RouteTable, SetRoutes
from wolfguard.linux.routes import Lease
from wolfguard.linux.rtnetlink import Network
from wolfguard.linux.tun import VNET_HEADER_BYTES
from wolfguard.procs import log
from wolfguard.procs.child import Child, Handler, IpcError, Sender, Started
from wolfguard.procs.netd.flows import FlowSweeper
from wolfguard.procs.netd.installation import Installation
from wolfguard.procs.netd.plan import make_plan

WATCH_SECONDS: Final = 10.0
PAGE_ROUTES: Final = 400
_MTU: Final = range(68, 65536)
_EPOCH_MAX: Final = (1 << 63) - 1

events = log.Log(__name__)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise IpcError("invalid", f"{text[:60]!r} is no network: {error}") from error


def read_lease(route: HostRoute, *, ending: bool = False) -> Lease:
    """A route as it came in a message; raises IpcError "invalid". The MTU of one that is `ending` does not matter."""
    if not ending and route.mtu not in _MTU:
        raise IpcError("invalid", f"{route.network[:60]!r}: an MTU of {route.mtu}")
    if not 0 <= route.epoch <= _EPOCH_MAX:
        raise IpcError("invalid", f"{route.network[:60]!r}: an epoch of {route.epoch}")
    return Lease(_network(route.network), route.slot, route.mtu, route.epoch, route.access)


def _host_route(lease: Lease) -> HostRoute:
    return HostRoute(str(lease.network), lease.slot, lease.mtu, lease.epoch, lease.access)


class Netd(Child):
    """See the package's docstring."""

    process: ClassVar[str] = "netd"
    _installation: Installation
    _flows: FlowSweeper
    _prefix: str

    async def prepare(self, start: Started) -> None:
        descriptors = start.descriptors.get("tun", [])
        plan = make_plan(start.configuration, len(descriptors))
        self._prefix = start.configuration.tun_prefix
        self._flows = FlowSweeper()
        self._installation = Installation(plan, time.monotonic)
        # The descriptors stay open as long as this process: a device lives as long as one descriptor of it.
        self._installation.install(descriptors)
        for device in self._installation.devices:
            events.info(
                "device", name=device.name, adopted=device.adopted, offloads=",".join(device.offloads) or "none"
            )

    async def serve(self) -> None:
        works = [asyncio.create_task(self._flows.run()), asyncio.create_task(self._watch())]
        stopping = asyncio.create_task(self.stopping.wait())
        try:
            done, _ = await asyncio.wait([*works, stopping], return_when=asyncio.FIRST_COMPLETED)
            for work in done:
                work.result()
        finally:
            for work in (*works, stopping):
                work.cancel()
            await asyncio.gather(*works, stopping, return_exceptions=True)
            self.close()

    def close(self) -> None:
        """Closes sockets and files; what is installed stays."""
        self._installation.close()
        self._flows.close()

    async def _watch(self) -> None:
        """Repairs what others remove: a flushed ruleset must not leave the gateway open for long."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                for repaired in self._installation.repair():
                    events.warning("put_back", what=repaired)
                for pool in self._installation.end_retired_pools():
                    events.info("pool_ended", pool=pool)
            except LocalError as error:
                events.error("not_repaired", error=str(error))
            except Exception:
                # A defect in one look at the kernel must not end the process that holds routes and rules.
                events.exception("not_repaired")

    async def reconfigure(self, started: Started) -> tuple[str, ...]:
        plan = make_plan(started.configuration, len(self._installation.devices))
        for descriptor in started.descriptors.get("tun", []):
            os.close(descriptor)
        self._installation.change(plan)
        return ("tun_prefix",) if started.configuration.tun_prefix != self._prefix else ()

    async def stop(self, drain: bool) -> None:
        """`drain`: a successor takes over what is installed, and pools stay unreachable until it does."""
        if not drain:
            self._installation.remove()

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        if peer == "sessiond":
            return {
                SetRoutes: self._on_set_routes,
                DropRoutes: self._on_drop_routes,
                ListRoutes: self._on_list_routes,
            }
        if peer == "mgmtd":
            return {AskNetdStatus: self._on_ask_status}
        return {}

    async def _on_set_routes(self, message: SetRoutes, sender: Sender) -> Done:
        leases = [read_lease(route) for route in message.routes]
        try:
            self._installation.set_leases(leases)
        except LocalError as error:
            raise IpcError("refused", str(error)) from error
        return Done()

    async def _on_drop_routes(self, message: DropRoutes, sender: Sender) -> Done:
        leases = [read_lease(route, ending=True) for route in message.routes]
        try:
            freed = self._installation.drop_leases(leases)
        except LocalError as error:
            raise IpcError("refused", str(error)) from error
        self._flows.forget(freed)
        return Done()

    async def _on_list_routes(self, message: ListRoutes, sender: Sender) -> RouteTable:
        after = _network(message.after) if message.after else None
        page, more = self._installation.leases.page(after, max(1, min(message.limit, PAGE_ROUTES)))
        return RouteTable(tuple(_host_route(lease) for lease in page), str(page[-1].network) if more else "")

    async def _on_ask_status(self, message: AskNetdStatus, sender: Sender) -> NetdStatus:
        return NetdStatus(len(self._installation.leases), tuple(self._facts()))

    def _facts(self) -> Iterable[Fact]:
        """What the kernel holds at this moment, as far as it can be asked."""
        here = self._installation
        for device in here.devices:
            offloads = " ".join(device.offloads) or "none"
            yield Fact(
                f"device.{device.name}", f"mtu {here.plan.mtu}, vnet header {VNET_HEADER_BYTES}, offloads {offloads}"
            )
        unreachable = here.unreachable_pools()
        for pool in here.pools:
            held = "unreachable but for leases" if pool in unreachable else "NOT held: its unreachable route is missing"
            yield Fact(f"pool.{pool}", held)
        for family, state in here.parameters.forwarding().items():
            yield Fact(f"forwarding.{family}", state)
        counters = here.counters()
        yield Fact("firewall", "loaded" if counters else "NOT loaded: its table is missing")
        for name, counted in counters.items():
            yield Fact(f"firewall.{name}", f"{counted.packets} packets, {counted.octets} bytes")
        yield Fact("flows.forgotten", str(self._flows.forgotten))
