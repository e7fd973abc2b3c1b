# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of a running gateway from outside: found by name, ended by pid, waited for."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.interop.conftest import Field
from tests.system import proc_files
from tests.system.descriptors import Sockets, kinds
from tests.system.manifest import SUPERVISOR, children
from tests.system.whole_gateway import Json, asked, until

SETTLE_SECONDS: Final = 10.0


def entries(field: Field) -> dict[str, Json]:
    """What the status says of each process, workers with their slot; empty while it cannot be asked."""
    answer = asked(field, "status")
    several = {name for name, entry in children().items() if entry["count"] == "slots"}
    return {
        f"{entry['process']}/{entry['slot']}" if entry["process"] in several else entry["process"]: entry
        for entry in (answer["processes"] if answer is not None else [])
    }


def pids(field: Field) -> dict[str, int]:
    """Of all processes that serve, the supervisor among them; by the log, which costs less than asking."""
    ended = _ended(field)
    found = {name: int(pid) for name, pid in re.findall(r"supervisor ready child=(\S+) pid=(\d+)", _log(field))}
    found = {name: pid for name, pid in found.items() if pid not in ended}
    found[SUPERVISOR] = int(proc_files.status(next(iter(found.values())))["PPid"])
    return found


def _ended(field: Field) -> dict[int, str]:
    """Pids of those that are no more, and how they ended."""
    said = re.findall(r'supervisor ended child=\S+ pid=(\d+) how="([^"]+)', _log(field))
    return {int(pid): how for pid, how in said}


def _log(field: Field) -> str:
    return field.gateway.log.read_text("utf-8", "replace")


def how_it_ended(field: Field, pid: int) -> str:
    """By the supervisor's word, as soon as it has noticed."""
    until(lambda: pid in _ended(field), f"the end of {pid}")
    return _ended(field)[pid]


def end(field: Field, names: Iterable[str]) -> None:
    """Kills them by their pids, all at once, and waits for their successors."""
    before = pids(field)
    doomed = {name: before[name] for name in names}
    for pid in doomed.values():
        os.kill(pid, signal.SIGKILL)
    until_replaced(field, doomed)


def until_replaced(field: Field, doomed: Mapping[str, int]) -> None:
    """Until others serve in the places of these."""

    def replaced() -> bool:
        found = pids(field)
        return all(found.get(name, pid) != pid for name, pid in doomed.items())

    until(replaced, f"successors of {doomed}; see {field.gateway.log}")


def files(field: Field) -> dict[str, str]:
    """Paths that processes may have open, by the words of the manifest."""
    state = Path(field.site.document["paths"]["state"])
    return {
        str(field.gateway.log): "log",
        str(state / "records.jsonl"): "records",
        f"{state / 'sessiond.sqlite'}*": "database",
        "/memfd:wolfguard-traffic-*": "traffic",
        "/dev/net/tun": "tun",
        "/proc/sys/net/*": "parameter",
    }


def open_descriptors(field: Field, name: str) -> dict[int, str]:
    """Descriptors of a process and their kinds."""
    found = pids(field)
    sockets = Sockets(field.topology.gateway, found)
    return kinds(name, found[name], sockets, files(field))


def descriptor(field: Field, name: str, kind: str) -> int:
    """The first of this kind."""
    return min(number for number, what in open_descriptors(field, name).items() if what == kind)


def settled(field: Field, name: str, expected: Counter[str]) -> Counter[str]:
    """How many of each kind are open, as soon as that is what is expected: channels come a moment after a process
    serves. What is open all the same after the limit, for the caller to compare."""
    end_of_patience = time.monotonic() + SETTLE_SECONDS
    while True:
        found = Counter(open_descriptors(field, name).values())
        if found == expected or time.monotonic() > end_of_patience:
            return found
        time.sleep(0.05)


def edited(workers: int, **sections: Any) -> Callable[[dict[str, Any]], None]:
    """An edit of the site file: so many workers, and limits that no test meets."""

    def edit(document: dict[str, Any]) -> None:
        document["workers"] = workers
        document["limits"] = {"handshakes_per_second": 1000, "handshake_burst": 1000, "unauthenticated": 1000}
        document.update(sections)

    return edit
