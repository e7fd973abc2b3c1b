# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine made of a dictionary: files with their facts, and what programs print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.place import READ_MAXIMUM, FileFacts, Kind, Missing, Output, Place, Program
from wolfguard.audit.probes import observe
from wolfguard.audit.vantage import Json, Listener, Vantage
from wolfguard.policy.expect import frozen
from wolfguard.policy.rule import Look

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@dataclass
class FakePlace:
    """Folders come into being with what is in them; `owners` are other facts of a path than a file of root's."""

    files: dict[str, str | bytes] = field(default_factory=dict)
    programs: dict[Program, Output] = field(default_factory=dict)
    owners: dict[str, FileFacts] = field(default_factory=dict)
    kept: bool = True
    name: str = "gateway-1"
    denied: frozenset[str] = frozenset()

    def read(self, path: str, limit: int = READ_MAXIMUM) -> bytes:
        if path in self.denied:
            raise Unobservable(f"{path} cannot be looked at (Permission denied)")
        if path not in self.files:
            raise Missing(f"there is no {path}")
        content = self.files[path]
        return content.encode() if isinstance(content, str) else content

    def lost(self) -> str:
        return ""

    def reads(self, paths: Iterable[str], limit: int = READ_MAXIMUM) -> Iterator[tuple[str, bytes | Unobservable]]:
        for path in paths:
            try:
                yield path, self.read(path, limit)
            except Unobservable as error:
                yield path, error

    def walk(self, top: str) -> tuple[tuple[str, FileFacts], ...]:
        facts = self.facts(top)
        below = self.listing(top) if facts.kind is Kind.FOLDER and top in self._folders() else ()
        inside = [each for name in below for each in self.walk(f"{top.rstrip('/')}/{name}")]
        return ((top, facts), *inside)

    def listing(self, path: str) -> tuple[str, ...]:
        below = {
            each.removeprefix(path.rstrip("/") + "/").split("/")[0]
            for each in self._all()
            if each.startswith(f"{path}/")
        }
        if not below and path not in self.owners:
            raise Missing(f"there is no {path}")
        return tuple(sorted(below))

    def facts(self, path: str) -> FileFacts:
        if path in self.owners:
            return self.owners[path]
        if path in self.files:
            return FileFacts(Kind.FILE, 0o644, "root", "root", len(self.files[path]))
        if path == "/" or any(each.startswith(f"{path}/") for each in self._all()):
            return FileFacts(Kind.FOLDER, 0o755, "root", "root", 4096)
        raise Missing(f"there is no {path}")

    def run(self, program: Program, *words: str) -> Output:
        if program not in self.programs:
            raise Missing(f"there is no program {program.value[0]} here")
        return self.programs[program]

    def clock_kept(self) -> bool:
        return self.kept

    def kernel(self) -> str:
        return "6.12.0-test"

    def _folders(self) -> set[str]:
        return {each[:at] or "/" for each in self._all() for at in range(len(each)) if each[at] == "/"}

    def _all(self) -> set[str]:
        return {*self.files, *self.owners}


def nobody() -> Any:
    raise Unobservable("no gateway answers")


def vantage(place: Place, gateway: Callable[[], Json] = nobody, **changes: Any) -> Vantage:
    """From where only this place is seen, and the gateway if one is given."""

    def no_listener() -> Listener:
        raise Unobservable("the gateway names no TCP listener")

    return replace(Vantage(place, gateway, nobody, no_listener, NOW, lambda: "/opt/gateway/lib"), **changes)


def see(probe: str, place: FakePlace, arguments: Mapping[str, Any] | None = None, **changes: Any) -> Observation:
    """What the probe sees there."""
    pairs = tuple(sorted((name, frozen(value)) for name, value in (arguments or {}).items()))
    return observe(Look(probe, pairs), vantage(place, **changes))
