# SPDX-License-Identifier: GPL-3.0-or-later
"""The running processes of the gateway beside the manifest that this package was built with (seccomp/processes.yml).

Owns the comparison, from outside: which processes there are the gateway says, what each is the kernel does. Nothing is
asked of the processes themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.place import Missing, Place, text, texts
from wolfguard.audit.probes.accounts import user_ids
from wolfguard.audit.probes.files import some
from wolfguard.audit.probes.gateway import process_name
from wolfguard.audit.probes.processes import all_processes
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value
from wolfguard.sandbox import foreign_crypto, weakening
from wolfguard.sandbox.manifest import Process
from wolfguard.sandbox.processes import PROCESSES

STRANGERS_MAXIMUM: Final = 100
_FILTERED: Final = "2"
_CAPABILITY_SETS: Final = ("CapPrm", "CapEff", "CapInh", "CapAmb", "CapBnd")
_UNLABELLED: Final = ("unconfined", "kernel", "")


@dataclass(frozen=True, slots=True)
class Running:
    """A process as the kernel shows it: fields of its status, its memory map, its SELinux context ("" without)."""

    name: str
    manifest: Process
    status: Mapping[str, str]
    maps: str
    context: str
    core_limit: str


def compared(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Raises Unobservable where no gateway runs, or its processes may not be looked into."""
    said = vantage.gateway()
    try:
        listed = {process_name(each): int(each["pid"]) for each in said["processes"]}
        facts = [(process_name(each), fact) for each in said["processes"] for fact in each["confinement"].items()]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unobservable("the gateway's status has another form than this release knows") from None
    place, numbers = vantage.place, user_ids(vantage.place)
    running = [_running(place, name, pid) for name, pid in listed.items() if pid and _manifest(name) is not None]
    if not running:
        raise Unobservable("the gateway names none of its processes")
    seen: dict[str, Value] = {
        "missing": tuple(_missing(listed)),
        "strangers": some(list(_strangers(place, set(listed.values()), numbers)), STRANGERS_MAXIMUM),
        "outside_landlock": tuple(
            name for name, fact in facts if fact == (weakening.LANDLOCK, weakening.LANDLOCK_MISSING)
        ),
        "wrong_user": tuple(each.name for each in running if _wrong_user(each, numbers)),
        "capabilities": tuple(each.name for each in running if _beyond(each)),
        "regains": tuple(each.name for each in running if each.status.get("NoNewPrivs") != "1"),
        "unfiltered": tuple(each.name for each in running if each.status.get("Seccomp") != _FILTERED),
        "dumpable": tuple(each.name for each in running if each.core_limit != "0"),
        "foreign_crypto": tuple(
            f"{each.name}: {path}" for each in running for path in foreign_crypto.mapped(each.maps)
        ),
        "writable_code": tuple(each.name for each in running if _writes_code(each.maps)),
    }
    if any(each.context not in _UNLABELLED for each in running):
        # only where SELinux gives contexts can one be wrong
        seen["labels"] = tuple(f"{each.name}: {each.context}" for each in running if not _labelled(each))
    return Observation(seen, f"/proc of {len(running)} processes, seccomp/processes.yml")


def _manifest(name: str) -> Process | None:
    return PROCESSES.get(name.partition("/")[0])


def _missing(listed: Mapping[str, int]) -> Iterator[str]:
    """Processes that always run; those for a kind of backend run where the site has one, which only it knows."""
    running = {name.partition("/")[0] for name, pid in listed.items() if pid}
    return (name for name, process in PROCESSES.items() if not process.when and name not in running)


def _strangers(place: Place, known: set[int], numbers: Mapping[str, int]) -> Iterator[str]:
    """The youngest first."""
    own = {number for process in PROCESSES.values() if process.user != "root" and (number := numbers.get(process.user))}
    found: list[tuple[int, str]] = []
    others = {f"/proc/{pid}/status": (pid, name) for pid, name in all_processes(place) if pid not in known}
    for path, status in texts(place, others):
        pid, name = others[path]
        try:
            if int(_fields(status).get("Uid", "0").split()[0]) in own:
                found.append((_started(place, pid), f"{name} ({pid})"))
        except Missing:
            continue
    yield from (name for _, name in sorted(found, reverse=True))


def _started(place: Place, pid: int) -> int:
    """Ticks of the clock after the boot, field 22 of proc_pid_stat(5); the name before it may hold anything."""
    return int(text(place, f"/proc/{pid}/stat").rpartition(")")[2].split()[19])


def _running(place: Place, name: str, pid: int) -> Running:
    manifest = _manifest(name)
    assert manifest is not None  # noqa: S101 - the caller has looked
    try:
        files = dict(texts(place, [f"/proc/{pid}/{file}" for file in ("limits", "maps", "status")]))
        limits = files[f"/proc/{pid}/limits"].splitlines()
        core = next((line.split()[4] for line in limits if line.startswith("Max core file size")), "")
        maps, status = files[f"/proc/{pid}/maps"], _fields(files[f"/proc/{pid}/status"])
        return Running(name, manifest, status, maps, _context(place, pid), core)
    except KeyError:
        raise Unobservable(f"{name} ended while it was looked at") from None


def _fields(status: str) -> Mapping[str, str]:
    lines = (line.partition(":") for line in status.splitlines())
    return {name: value.strip() for name, _, value in lines}


def _context(place: Place, pid: int) -> str:
    """Empty where the kernel has no security module that gives contexts."""
    try:
        return text(place, f"/proc/{pid}/attr/current").strip("\0\n ")
    except Unobservable:
        if lost := place.lost():
            raise Unobservable(lost) from None
        return ""


def _wrong_user(process: Running, numbers: Mapping[str, int]) -> bool:
    wanted = numbers.get(process.manifest.user)
    return wanted is None or set(process.status.get("Uid", "").split()) != {str(wanted)}


def _beyond(process: Running) -> bool:
    allowed = sum(1 << number for number in process.manifest.capabilities)
    return any(int(process.status.get(name, "f"), 16) & ~allowed for name in _CAPABILITY_SETS)


def _writes_code(maps: str) -> bool:
    return any(len(fields := line.split(maxsplit=2)) > 1 and {"w", "x"} <= set(fields[1]) for line in maps.splitlines())


def _labelled(process: Running) -> bool:
    fields = process.context.split(":")
    return len(fields) > 2 and fields[2] == f"wolfguard_gateway_{process.manifest.name}_t"
