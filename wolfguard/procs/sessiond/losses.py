# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose end is a loss: that of a process which nobody has told to end.

Two words come of an end, in either order: that of the channel, with what went along, and the supervisor's, which alone
knows whether it was told to. Owns which of them belong together. Pure; must not know what a loss means.
"""

from __future__ import annotations

from collections.abc import Callable

Lost = Callable[[str, int, int], None]


class Losses:
    """`lost` is called with process, slot and count for each loss, once."""

    def __init__(self, lost: Lost) -> None:
        self._lost = lost
        self._broken: dict[tuple[str, int], int] = {}
        """Channels that have ended without a word about the process, with what went along."""
        self._ended: dict[tuple[str, int], bool] = {}
        """Processes that have ended, told to or not, without a word about their channel."""

    def attached(self, peer: str, slot: int) -> None:
        """A fresh one stands there. One that ended before it had a channel was no loss; one of which nobody has said
        why it ended is taken for one."""
        self._ended.pop((peer, slot), None)
        if (peer, slot) in self._broken:
            self._lost(peer, slot, self._broken.pop((peer, slot)))

    def channel_ended(self, peer: str, slot: int, count: int) -> None:
        """`count`: what went along."""
        asked = self._ended.pop((peer, slot), None)
        if asked is None:
            self._broken[peer, slot] = count
        elif not asked:
            self._lost(peer, slot, count)

    def process_ended(self, peer: str, slot: int, asked: bool) -> None:
        count = self._broken.pop((peer, slot), None)
        if count is None:
            self._ended[peer, slot] = asked
        elif not asked:
            self._lost(peer, slot, count)
