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
from wolfguard.procs.supervisor import configuration as configurations
from wolfguard.procs.supervisor import devices, keys, listeners, places
from wolfguard.sandbox.manifest import Process


@dataclass(slots=True)
class Holdings:
    """By slot where there is one for each. `configuration` changes with a reload, nothing else does."""

    slots: int
    configuration: Configuration
    sealed: int
    listeners: list[list[int]]
    addresses: list[str]
    tuns: list[int]
    traffic: list[int]
    management: int
    lock: int
    closed: bool = field(default=False)

    def take(self, process: Process, slot: int) -> tuple[list[str], list[int], list[int]]:
        """Names and descriptors that go with a Start of this process, and those of them to close once sent.

        Raises StartError when a private key cannot be opened (any more).
        """
        names: list[str] = []
        descriptors: list[int] = []
        passing: list[int] = []
        for name in process.descriptors:
            if name == "key":
                passing = keys.open_keys(self.configuration)
                given = passing
            else:
                given = self._held(name, process.per_slot, slot)
            names += [name] * len(given)
            descriptors += given
        return names, descriptors, passing

    def _held(self, name: str, per_slot: bool, slot: int) -> list[int]:
        by_slot = {"tun": self.tuns, "traffic": self.traffic}
        if name in by_slot:
            return [by_slot[name][slot]] if per_slot else by_slot[name]
        if name == "listener":
            return self.listeners[slot]
        return [{"configuration": self.sealed, "management": self.management}[name]]

    def replace_configuration(self, configuration: Configuration) -> None:
        sealed = configurations.sealed(configuration)
        os.close(self.sealed)
        self.sealed = sealed
        self.configuration = configuration

    def close(self) -> None:
        """Closes all, and removes the management socket's name."""
        if self.closed:
            return
        self.closed = True
        with contextlib.suppress(OSError):
            os.unlink(places.management_path(self.configuration.paths.run))
        groups = [*self.listeners, self.tuns, self.traffic, [self.sealed, self.management, self.lock]]
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
    for descriptor in keys.open_keys(configuration):
        os.close(descriptor)
    places.make_folders(configuration, keeper="wolfguard-sessiond")
    opened: list[int] = []
    try:
        lock = places.lock(configuration.paths.run)
        opened.append(lock)
        tuns = devices.open_tuns(slots)
        opened += tuns
        traffic = devices.make_traffic(slots, configuration.limits.sessions)
        opened += traffic
        by_slot, addresses = listeners.open_listeners(configuration.listeners, slots)
        opened += [descriptor for group in by_slot for descriptor in group]
        management = places.open_management(configuration.paths.run)
        opened.append(management)
        sealed = configurations.sealed(configuration)
    except (StartError, OSError):
        for descriptor in opened:
            os.close(descriptor)
        raise
    return Holdings(slots, configuration, sealed, by_slot, addresses, tuns, traffic, management, lock)
