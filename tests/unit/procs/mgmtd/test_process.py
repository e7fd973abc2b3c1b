# SPDX-License-Identifier: GPL-3.0-or-later
"""mgmtd as a child: it takes the socket that the supervisor opened, and serves until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.config.site_files import MINIMAL, configuration
from tests.unit.procs.mgmtd.peers_fakes import Caller, FakePeer, run
from wolfguard.errors import StartError
from wolfguard.ipc.errors import IpcTimeout
from wolfguard.ipc.management import (
    AskModuleStates,
    AskSupervisorStatus,
    AskWorkerStatus,
    ModuleStates,
    SupervisorStatus,
)
from wolfguard.procs.child import Started
from wolfguard.procs.mgmtd.process import Mgmtd
from wolfguard.procs.mgmtd.roles import Accounts, Credentials


def started(*descriptors: int) -> Started:
    return Started(0, 1, 1, configuration(MINIMAL), {"management": list(descriptors)})


def test_it_serves_until_it_shall_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wolfguard.procs.mgmtd.process.read_accounts", lambda: Accounts({}, {0: "root"}))
    admin = Credentials(0, frozenset())
    monkeypatch.setattr("wolfguard.procs.mgmtd.server.peer_credentials", lambda connection: admin)

    async def scenario() -> None:
        path = tmp_path / "control.sock"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        listener.listen()
        child = Mgmtd()
        child.stopping = asyncio.Event()
        supervisor = FakePeer(
            {AskSupervisorStatus: SupervisorStatus("1.0", 1, 5, (), ()), AskModuleStates: ModuleStates(())}
        )
        child.supervisor = cast(Any, supervisor)
        await child.prepare(started(listener.detach()))
        serving = asyncio.create_task(child.serve())
        worker = FakePeer({AskWorkerStatus: IpcTimeout("slow")})
        await child.attached("worker", 3, cast(Any, worker))
        await child.attached("netd", 0, cast(Any, worker))
        await child.detached("netd", 0)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        with connection:
            await asyncio.get_running_loop().sock_connect(connection, str(path))
            _, body = await Caller(connection).ask("GET", "/v1/status")
        assert body["version"] == "1.0"
        assert body["silent"] == ["sessiond", "netd", "worker/3"]
        child.stopping.set()
        await serving

    run(scenario)


@pytest.mark.parametrize("descriptors", [(), (10, 11)])
def test_it_needs_one_management_socket(descriptors: tuple[int, ...]) -> None:
    async def scenario() -> None:
        with pytest.raises(StartError, match="no management socket"):
            await Mgmtd().prepare(started(*descriptors))

    run(scenario)


def test_it_answers_nothing_to_others() -> None:
    assert Mgmtd().handlers("sessiond") == {}
