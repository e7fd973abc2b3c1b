# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashing threads: bounded, and nothing begun is taken back."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from wolfguard.auth.hashing import HashingThreads


def test_no_more_run_at_once_than_threads() -> None:
    running, most = 0, 0
    lock = threading.Lock()
    meet = threading.Barrier(2)

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        meet.wait()
        with lock:
            running -= 1

    async def run() -> None:
        threads = HashingThreads(2)
        await asyncio.gather(*(threads.run(work) for _ in range(8)))
        threads.close()

    asyncio.run(run())
    assert most == 2


def test_default_is_one_a_core() -> None:
    async def run() -> None:
        threads = HashingThreads(0)
        assert threads.threads == len(os.sched_getaffinity(0))
        threads.close()

    asyncio.run(run())


def test_who_leaves_the_queue_costs_nothing_and_work_begun_is_finished() -> None:
    go = threading.Event()
    begun = threading.Event()
    done: list[str] = []

    def first() -> str:
        begun.set()
        go.wait()
        done.append("first")
        return "first"

    async def run() -> None:
        threads = HashingThreads(1)
        one = asyncio.create_task(threads.run(first))
        two = asyncio.create_task(threads.run(lambda: done.append("second")))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait)
        one.cancel()
        two.cancel()
        go.set()
        assert await one == "first", "its result cannot be taken back"
        with pytest.raises(asyncio.CancelledError):
            await two
        threads.close()

    asyncio.run(run())
    assert done == ["first"]
