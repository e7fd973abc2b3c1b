# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said to systemd, and silence without it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from wolfguard.linux.systemd import Notifier


def heard(manager: socket.socket) -> str:
    return manager.recv(1000).decode()


def test_all_that_can_be_said(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        notifier.ready("two\nlines")
        assert heard(manager) == "READY=1\nSTATUS=two lines"
        notifier.status("well")
        assert heard(manager) == "STATUS=well"
        notifier.reloading()
        assert heard(manager).startswith("RELOADING=1\nMONOTONIC_USEC=")
        notifier.stopping("bye")
        assert heard(manager) == "STOPPING=1\nSTATUS=bye"
        notifier.alive()
        assert heard(manager) == "WATCHDOG=1"


def test_an_abstract_address() -> None:
    name = f"wolfguard-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).alive()
        assert heard(manager) == "WATCHDOG=1"


def test_without_systemd_nothing_happens(tmp_path: Path) -> None:
    Notifier({}).ready("x")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready("x")


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({}, None),
    ],
)
def test_the_watchdogs_period(environment: dict[str, str], seconds: float | None) -> None:
    assert Notifier({"NOTIFY_SOCKET": "/nowhere", **environment}).watchdog == seconds
