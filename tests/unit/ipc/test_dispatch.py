# SPDX-License-Identifier: GPL-3.0-or-later
"""The dispatch table permits what the manifest names, in its states, and nothing else."""

from __future__ import annotations

import pytest

from wolfguard.errors import LocalError
from wolfguard.ipc.dispatch import NAMES, SERVING, STARTING, TABLE, Dispatch
from wolfguard.ipc.dispatch_table import ROWS
from wolfguard.ipc.messages import Notice, Request


def test_state_decides() -> None:
    assert TABLE.permit("supervisor", "worker", "Start", STARTING) is not None
    assert TABLE.permit("supervisor", "worker", "Start", SERVING) is None
    assert TABLE.permit("supervisor", "worker", "Attach", STARTING) is None


def test_direction_decides() -> None:
    assert TABLE.permit("worker", "sessiond", "TunnelOpen", SERVING) is not None
    assert TABLE.permit("sessiond", "worker", "TunnelOpen", SERVING) is None
    assert TABLE.permit("worker", "netd", "SetRoutes", SERVING) is None


def test_only_the_supervisor_passes_descriptors() -> None:
    assert {sender for sender, _, _, _, descriptors in ROWS if descriptors} == {"supervisor"}


def test_a_worker_administers_nothing() -> None:
    names = {kind.__name__ for kind in TABLE.receivable("worker", "sessiond")}
    tunnels = {"TunnelOpen", "TunnelClosed", "TunnelDatagram"}
    assert names == {"LoginStep", "LoginCancel", "Logout", *tunnels, "WorkerEvent"}


def test_every_request_and_notice_has_a_sender() -> None:
    kinds = {
        kind.__name__
        for kind in NAMES.values()
        if isinstance(kind, type) and issubclass(kind, Request | Notice) and kind not in (Request, Notice)
    }
    assert kinds == {name for _, _, name, _, _ in ROWS}


@pytest.mark.parametrize("name", ["Done", "Fact", "Message", "Nothing"])
def test_a_row_must_name_a_request_or_a_notice(name: str) -> None:
    with pytest.raises(LocalError, match=name):
        Dispatch([("a", "b", name, (SERVING,), False)], NAMES)
