# SPDX-License-Identifier: GPL-3.0-or-later
"""A new configuration while the gateway serves: read it, keep what only a restart can change, hand it round.

Nothing is changed until everything that can be refused beforehand has been accepted. keyd comes first, so that
workers never name a key that it does not have.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Final

from wolfguard.config import changes
from wolfguard.config.site import Configuration
from wolfguard.errors import LocalError
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.messages import Reconfigure, ReloadReport
from wolfguard.linux.systemd import Notifier
from wolfguard.procs import log
from wolfguard.procs.supervisor import keys
from wolfguard.procs.supervisor.holdings import Holdings
from wolfguard.procs.supervisor.supervised import Supervised

RECONFIGURE_SECONDS: Final = 30.0

events = log.Log(__name__)


class Reloader:
    """`generation` counts the configurations that were taken, the first being 1."""

    def __init__(
        self,
        holdings: Holdings,
        children: Sequence[Supervised],
        resolve: Callable[[], Configuration],
        notifier: Notifier,
        summary: Callable[[], str],
    ) -> None:
        self.generation = 1
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
                report = ReloadReport(self.generation, str(error), ())
            finally:
                self._notifier.ready(self._summary())
        log_it = events.error if report.error else events.info
        waits = ",".join(report.needs_restart)
        log_it("reload", generation=report.generation, error=report.error, needs_restart=waits)
        return report

    async def _reload(self) -> ReloadReport:
        wanted = await asyncio.to_thread(self._resolve)
        old = self._holdings.configuration
        waits = set(changes.needs_restart(old, wanted))
        new = running(old, wanted)
        for descriptor in keys.open_keys(new):
            os.close(descriptor)
        self._holdings.replace_configuration(new)
        self.generation += 1
        errors: list[str] = []
        for child in sorted(self._children, key=lambda child: child.process.stage):
            if not child.serving:
                continue  # it starts with the new configuration
            try:
                waits.update(await self._hand_to(child))
            except (IpcError, LocalError) as error:
                errors.append(f"{child.name}: {error}")
        return ReloadReport(self.generation, "; ".join(errors), tuple(sorted(waits)))

    async def _hand_to(self, child: Supervised) -> tuple[str, ...]:
        names, descriptors = ["configuration"], [self._holdings.sealed]
        fresh = keys.open_keys(self._holdings.configuration) if "key" in child.process.descriptors else []
        try:
            message = Reconfigure(self.generation, tuple(names + ["key"] * len(fresh)))
            reply = await child.channel.request(
                message, timeout=RECONFIGURE_SECONDS, descriptors=[*descriptors, *fresh]
            )
        finally:
            for descriptor in fresh:
                os.close(descriptor)
        return tuple(reply.needs_restart)


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
        paths=old.paths,
    )
