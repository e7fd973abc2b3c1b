# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that run, by the names that the kernel has of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.place import Place, texts
from wolfguard.audit.vantage import Vantage

_PROC: Final = "/proc"


def running(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Those of the names that a process has."""
    there = {name for _, name in all_processes(vantage.place)}
    return Observation({"running": tuple(name for name in arguments["names"] if name in there)}, "/proc/*/comm")


def all_processes(place: Place) -> Iterator[tuple[int, str]]:
    """(process id, name). One that ends meanwhile is left out. Raises Unobservable where others' processes are hidden
    (hidepid in proc(5)): the first one is always somebody else's, unless it is all that there is to see."""
    entries = place.listing(_PROC)
    if "1" not in entries:
        raise Unobservable("processes of other users are hidden from this one; ask as root")
    for path, name in texts(place, [f"{_PROC}/{entry}/comm" for entry in entries if entry.isdecimal()]):
        yield int(path.split("/")[2]), name.strip()
