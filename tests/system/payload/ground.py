# SPDX-License-Identifier: GPL-3.0-or-later
"""What an attempt needs to know of the running gateway: descriptors of the process, pids of others, paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tests.interop.conftest import Field
from tests.system.descriptors import Sockets, kinds
from tests.system.manifest import SUPERVISOR
from tests.system.payload.attempt import Attempt, Of, path
from tests.system.payload.injection import Argument, Call
from tests.system.processes import files, pids


def values(field: Field) -> Callable[[str], dict[str, Argument]]:
    """What only the running gateway knows, for each of its processes."""
    processes = pids(field)
    sockets = Sockets(field.topology.gateway, processes)
    folder = field.site.folder
    paths = {"key": folder / "pki" / "server-ecdsa.key", "database": folder / "state" / "sessiond.sqlite"}

    def of(name: str) -> dict[str, Argument]:
        descriptors = kinds(name, processes[name], sockets, files(field))
        first: dict[str, Argument] = {kind: number for number, kind in sorted(descriptors.items(), reverse=True)}
        others: dict[str, Argument] = {
            "sibling": processes["worker/1" if name != "worker/1" else "worker/0"],
            "supervisor": processes[SUPERVISOR],
        }
        return {**first, **others, **{word: path(str(place)) for word, place in paths.items()}}

    return of


def calls(known_here: Mapping[str, Argument], attempts: Sequence[Attempt]) -> list[Call]:
    return [
        (each.call, tuple(known_here[word.word] if isinstance(word, Of) else word for word in each.arguments))
        for each in attempts
    ]
