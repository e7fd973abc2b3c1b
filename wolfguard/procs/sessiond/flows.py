# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins under way, by flow: found again over new connections, bounded in number, forgotten in time.

A flow is an unguessable name and belongs to the source that began it. When there are too many, those that only wait for
a person give way, oldest first; nothing is lost by that, since an answer to a forgotten first form begins anew.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wolfguard.auth.login import Login


@dataclass(slots=True, eq=False)
class Flow:
    """`task`: the step that is being worked on. `abandoned`: the client has gone; a good outcome makes no session."""

    name: str
    site: str
    source: str
    login: Login
    deadline: float
    task: asyncio.Task[Any] | None = None
    abandoned: bool = False


class Flows:
    """`limit` in all, `per_source` of one address or /64; both may change. `removed` hears of each that has gone."""

    def __init__(self, limit: int, per_source: int, removed: Callable[[Flow], None] = lambda flow: None) -> None:
        self._removed = removed
        self.limit = limit
        self.per_source = per_source
        self._flows: OrderedDict[str, Flow] = OrderedDict()
        self._idle: OrderedDict[str, Flow] = OrderedDict()
        self._sources: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._flows)

    def find(self, name: str, site: str, source: str) -> Flow | None:
        """The flow of this name, for the site and source that it belongs to."""
        flow = self._flows.get(name)
        return flow if flow is not None and flow.site == site and flow.source == source else None

    def idle(self, flow: Flow) -> bool:
        """Whether the flow waits for a person."""
        return flow.name in self._idle

    def named(self, name: str) -> Flow | None:
        return self._flows.get(name)

    def add(self, flow: Flow) -> bool:
        """Takes in a new flow, whose first step begins; False when there is no room."""
        if self._sources[flow.source] >= self.per_source and not self._evict(flow.source):
            return False
        if len(self._flows) >= self.limit and not self._evict(None):
            return False
        self._flows[flow.name] = flow
        self._sources[flow.source] += 1
        return True

    def work(self, flow: Flow) -> None:
        """A step begins."""
        self._idle.pop(flow.name, None)

    def rest(self, flow: Flow) -> None:
        """A step is over and the person is asked."""
        if flow.name in self._flows:
            self._idle[flow.name] = flow

    def remove(self, flow: Flow) -> None:
        if self._flows.pop(flow.name, None) is None:
            return
        self._idle.pop(flow.name, None)
        self._sources[flow.source] -= 1
        if not self._sources[flow.source]:
            del self._sources[flow.source]
        self._removed(flow)

    def forget(self, now: float) -> None:
        """Removes flows whose person took too long."""
        for flow in [flow for flow in self._idle.values() if flow.deadline <= now]:
            self.remove(flow)

    def _evict(self, source: str | None) -> bool:
        for flow in self._idle.values():
            if source is None or flow.source == source:
                self.remove(flow)
                return True
        return False
