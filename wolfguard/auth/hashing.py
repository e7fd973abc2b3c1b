# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads for password hashing: as many as cores, so that logins never take more than the machine has.

The hashing call itself releases the interpreter's lock and lowers its thread's priority. Attempts queue on the event
loop, in order; one whose client has gone leaves the queue without costing anything. Threads start at the first use,
which is after the process was confined.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class HashingThreads:
    """`threads` 0 means one a core that this process may use."""

    def __init__(self, threads: int) -> None:
        self.threads = threads or len(os.sched_getaffinity(0))
        self._executor = ThreadPoolExecutor(self.threads, "hashing")
        self._free = asyncio.Semaphore(self.threads)

    async def run(self, work: Callable[[], T]) -> T:
        """Runs `work` in a thread. A caller cancelled in the queue leaves it; one whose work has begun gets the result.

        So a client that goes away in mid-check cannot take its failure back, and no more threads run than allowed.
        """
        async with self._free:
            future = asyncio.get_running_loop().run_in_executor(self._executor, work)
            while True:
                try:
                    return await asyncio.shield(future)
                except asyncio.CancelledError:
                    if future.cancelled():
                        raise

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
