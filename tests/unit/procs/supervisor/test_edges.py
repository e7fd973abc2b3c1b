# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes are joined, and who yields when a channel breaks."""

from __future__ import annotations

from wolfguard.procs.supervisor.edges import Joints, edges

JOINTS = Joints(edges(3))


def test_one_signing_channel_a_handshake_thread() -> None:
    counts = {(edge.first, edge.second): edge.count for edge in edges(3)}
    assert counts["worker", "keyd"] == 3
    assert counts["worker", "sessiond"] == 1


def test_the_process_that_is_trusted_less_yields() -> None:
    assert JOINTS.yielding("worker", "sessiond") == "worker"
    assert JOINTS.yielding("sessiond", "worker") == "worker"
    assert JOINTS.yielding("mgmtd", "sessiond") == "mgmtd"
    assert JOINTS.yielding("worker", "netd") is None


def test_nobody_can_have_keyd_or_netd_ended() -> None:
    assert not {edge.yields for edge in edges(1)} & {"keyd", "netd"}
