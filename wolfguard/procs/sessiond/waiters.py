# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells everybody who waits for the same thing how it went."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


def settle(waiters: Iterable[asyncio.Future[None]], error: Exception | None = None) -> None:
    """Ends each wait, with the error if there is one. Who has given up waiting meanwhile is passed over."""
    for future in tuple(waiters):
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
