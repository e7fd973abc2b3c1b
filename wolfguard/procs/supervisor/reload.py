# SPDX-License-Identifier: GPL-3.0-or-later
"""A new configuration while the gateway serves: read it, keep what only a restart can change, hand it round.

All take it, or all go on with the one before: it takes its place only when nobody has refused it, and who has taken it
by then is told the old one again. keyd comes first, so that workers never name a key that it does not have.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence

from wolfguard.config import changes
from wolfguard.config.site import Configuration
from wolfguard.errors import LocalError
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.management import ReloadReport
from wolfguard.linux.systemd import Notifier
from wolfguard.procs import log
from wolfguard.procs.supervisor.generation import Generation, open_generation
from wolfguard.procs.supervisor.holdings import Holdings
from wolfguard.procs.supervisor.supervised import Supervised

events = log.Log(__name__)


class Reloader:
    """One reload at a time, whoever asks."""

    def __init__(
        self,
        holdings: Holdings,
        children: Sequence[Supervised],
        resolve: Callable[[], Configuration],
        notifier: Notifier,
        summary: Callable[[], str],
    ) -> None:
        self._holdings = holdings
        self._children = children
        self._resolve = resolve
        self._notifier = notifier
        self._summary = summary
        self._lock = asyncio.Lock()

    async def reload(self) -> ReloadReport:
        """Never raises for a wrong configuration: the report says what is wrong, and everything stays as it was."""
        async with self._lock:
            self._notifier.reloading()
            try:
                report = await self._reload()
            except LocalError as error:
                report = ReloadReport(self._holdings.generation.number, str(error), ())
            finally:
                self._notifier.ready(self._summary())
        log_it = events.error if report.error else events.info
        waits = ",".join(report.needs_restart)
        log_it("reload", generation=report.generation, error=report.error, needs_restart=waits)
        return report

    async def bring_along(self, child: Supervised) -> None:
        """For a process that began to serve while a reload went on: it may have started with what is old by now."""
        async with self._lock:
            await self._align(child)

    async def _reload(self) -> ReloadReport:
        wanted = await asyncio.to_thread(self._resolve)
        old = self._holdings.generation
        waits = set(changes.needs_restart(old.configuration, wanted))
        new = open_generation(old.number + 1, running(old.configuration, wanted))
        try:
            waits |= await self._offer(new)
        except LocalError:
            new.close()
            await self._align_all()
            raise
        self._holdings.generation = new
        old.close()
        await self._align_all()
        return ReloadReport(new.number, "", tuple(sorted(waits)))

    async def _offer(self, new: Generation) -> set[str]:
        """Hands it to everybody who serves; returns keys that wait for a restart. Raises LocalError at a refusal."""
        waits: set[str] = set()
        for child in sorted(self._children, key=lambda child: child.process.stage):
            if not child.serving:
                continue
            try:
                waits.update(await _hand(child, new))
            except IpcError as error:
                raise LocalError(f"{child.name} refuses the new configuration: {error.text or error.code}") from error
        return waits

    async def _align_all(self) -> None:
        for child in self._children:
            await self._align(child)

    async def _align(self, child: Supervised) -> None:
        """Tells a process what holds, if that is not what it was told last; ends one that does not take it."""
        if not child.serving or child.generation == self._holdings.generation.number:
            return
        try:
            await _hand(child, self._holdings.generation)
        except IpcError as error:
            child.kill(f"it does not take the configuration ({error.text or error.code})")


async def _hand(child: Supervised, generation: Generation) -> tuple[str, ...]:
    given = list(generation.keys) if "key" in child.process.descriptors else []
    names = ["configuration"] + ["key"] * len(given)
    return await child.reconfigure(generation.number, names, [generation.sealed, *given])


def running(old: Configuration, new: Configuration) -> Configuration:
    """The new configuration with what the supervisor itself made at start left as it is."""
    return dataclasses.replace(
        new,
        listeners=old.listeners,
        workers=old.workers,
        handshake_threads=old.handshake_threads,
        tun_prefix=old.tun_prefix,
        limits=dataclasses.replace(new.limits, sessions=old.limits.sessions),
        records=old.records,
        confinement=old.confinement,
        paths=old.paths,
        own_keys=old.own_keys,
    )
