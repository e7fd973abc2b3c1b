# SPDX-License-Identifier: GPL-3.0-or-later
"""Every descriptor that the supervisor holds for its children, and which child gets which.

Opened once, in the order in which a refusal is cheapest, and closed together. Opening is all or nothing.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field

from wolfguard.config.site import Configuration
from wolfguard.errors import StartError
from wolfguard.procs.supervisor import devices, keys, listeners, places
from wolfguard.procs.supervisor.generation import Generation, open_generation
from wolfguard.sandbox.manifest import Process


@dataclass(slots=True)
class Holdings:
    """By slot where there is one for each. `generation` changes with a reload, nothing else does."""

    slots: int
    generation: Generation
    listeners: list[list[int]]
    datagrams: list[list[int]]
    addresses: list[str]
    tuns: list[int]
    traffic: list[int]
    management: int
    own: list[int]
    locks: list[int]
    orders: list[int] = field(default_factory=list)
    closed: bool = field(default=False)

    def take(self, process: Process, slot: int) -> tuple[list[str], list[int]]:
        """Names and descriptors that go with a Start of this process; they stay open here."""
        names: list[str] = []
        descriptors: list[int] = []
        for name in process.descriptors:
            given = self._held(name, process.per_slot, slot)
            names += [name] * len(given)
            descriptors += given
        return names, descriptors

    def _held(self, name: str, per_slot: bool, slot: int) -> list[int]:
        by_slot = {"tun": self.tuns, "traffic": self.traffic}
        if name in by_slot:
            return [by_slot[name][slot]] if per_slot else by_slot[name]
        if name == "listener":
            return self.listeners[slot]
        if name == "datagram":
            return self.datagrams[slot]
        if name == "key":
            return list(self.generation.keys)
        if name == "secret":
            return list(self.generation.secrets)
        if name in ("own", "orders"):
            return list(self.own if name == "own" else self.orders)
        return [{"configuration": self.generation.sealed, "management": self.management}[name]]

    def close(self) -> None:
        """Closes all, and removes the management socket's name."""
        if self.closed:
            return
        self.closed = True
        with contextlib.suppress(OSError):
            os.unlink(places.management_path(self.generation.configuration.paths.run))
        self.generation.close()
        singles = [[self.management], self.own, self.locks, self.orders]
        groups = [*self.listeners, *self.datagrams, self.tuns, self.traffic, *singles]
        for descriptor in (descriptor for group in groups for descriptor in group):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def slots_of(configuration: Configuration) -> int:
    """Number of workers: as configured, or one a core that this process may use."""
    return configuration.workers or len(os.sched_getaffinity(0))


def open_holdings(configuration: Configuration, processes: list[Process]) -> Holdings:
    """Raises StartError with one clear line; then nothing is left open."""
    slots = slots_of(configuration)
    places.check_accounts(process.user for process in processes)
    generation = open_generation(1, configuration)
    opened: list[int] = []
    try:
        places.make_folders(configuration, keeper="wolfguard-sessiond")
        for folder, key in ((configuration.paths.run, "paths.run"), (configuration.paths.state, "paths.state")):
            opened.append(places.lock(folder, key))
        locks = list(opened)
        own = keys.open_own(configuration)
        opened += own
        tuns = devices.open_tuns(slots)
        opened += tuns
        traffic = devices.make_traffic(slots, configuration.limits.sessions)
        opened += traffic
        outside = listeners.open_listeners(configuration, slots)
        opened += outside.descriptors()
        orders = listeners.open_order_sockets(configuration)
        opened += orders
        management = places.open_management(configuration.paths.run)
    except (StartError, OSError):
        for descriptor in opened:
            os.close(descriptor)
        generation.close()
        raise
    return Holdings(
        slots,
        generation,
        outside.listeners,
        outside.datagrams,
        outside.texts,
        tuns,
        traffic,
        management,
        own,
        locks,
        orders,
    )
