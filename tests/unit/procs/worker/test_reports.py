# SPDX-License-Identifier: GPL-3.0-or-later
"""Events are summed up, and their sums are bounded."""

from __future__ import annotations

from wolfguard.ipc.tunnels import WorkerEvent
from wolfguard.procs.worker.reports import DETAIL_MAX, MANY, SUMS_MAX, Reports


def test_same_cause_is_summed_up() -> None:
    reports = Reports()
    reports.add("bad_input", "192.0.2.1", "http_path", detail="first")
    reports.add("bad_input", "192.0.2.1", "http_path", 4, detail="second")
    reports.add("bad_input", "192.0.2.2", "http_path")
    assert reports.take() == (
        WorkerEvent("bad_input", "192.0.2.1", "http_path", 5, "first"),
        WorkerEvent("bad_input", "192.0.2.2", "http_path", 1, ""),
    )
    assert reports.take() == ()
    assert reports.counters == {"http_path": 6}


def test_many_addresses_share_one_sum() -> None:
    reports = Reports()
    for number in range(SUMS_MAX + 50):
        reports.add("refused", f"2001:db8::{number:x}", "refused_source_rate", detail="x" * 999)
    events = reports.take()
    assert len(events) == SUMS_MAX + 1
    assert events[-1] == WorkerEvent("refused", MANY, "refused_source_rate", 50, "")
    assert sum(event.count for event in events) == SUMS_MAX + 50
    assert len(events[0].detail) == DETAIL_MAX
