# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters: in force, below /proc/sys, and as the files of sysctl.d set them at boot (sysctl.d(5))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from wolfguard.audit.observation import Observation
from wolfguard.audit.place import Missing, Place, meant, optional_listing, text, texts
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value

# Of files of one name the first folder's counts; all that remain are read in the order of their names.
_FOLDERS: Final = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")


def one(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Absent where this kernel has no such parameter."""
    path = _path(arguments["name"])
    try:
        runtime = _number(text(vantage.place, f"/proc/sys/{path}").strip())
    except Missing:
        return Observation(None, f"/proc/sys/{path}")
    set_to = at_boot(vantage.place).of(path)
    seen: dict[str, Value] = {"runtime": runtime}
    if set_to is not None:
        seen["file"] = _number(set_to[0])
    return Observation(seen, f"/proc/sys/{path}" + (f", {set_to[1]}" if set_to else ", no file sets it"))


def lasting(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """A parameter that this kernel does not have differs from nothing."""
    files = at_boot(vantage.place)
    fleeting: list[str] = []
    names = {f"/proc/sys/{_path(name)}": name for name in arguments["names"]}
    for path, runtime in texts(vantage.place, names):
        set_to = files.of(path.removeprefix("/proc/sys/"))
        if set_to is None or set_to[0].split() != runtime.split():
            fleeting.append(names[path])
    return Observation({"fleeting": tuple(fleeting)}, "/proc/sys, sysctl.d")


def at_boot(place: Place) -> Settings:
    """What the files of sysctl.d say. Raises Unobservable."""
    files: dict[str, str] = {}
    for folder in reversed(_FOLDERS):
        files.update({name: f"{folder}/{name}" for name in optional_listing(place, folder) if name.endswith(".conf")})
    found = {path: meant(content) for path, content in texts(place, files.values())}
    plain: dict[str, tuple[str, str]] = {}
    patterns: list[tuple[str, tuple[str, str]]] = []
    for _, file in sorted(files.items()):
        for line in found.get(file, ()):
            name, equals, value = line.partition("=")
            path = _path(name.strip().removeprefix("-"))
            if not equals or line.startswith(";"):
                continue
            if "*" in path:
                patterns.append((path, (value.strip(), file)))
            else:
                plain[path] = (value.strip(), file)
    return Settings(plain, tuple(patterns))


@dataclass(frozen=True, slots=True)
class Settings:
    """What files set, by path below /proc/sys: (value, file). A pattern counts for what no file names itself, and of
    several that fit the last."""

    plain: Mapping[str, tuple[str, str]]
    patterns: tuple[tuple[str, tuple[str, str]], ...]

    def of(self, path: str) -> tuple[str, str] | None:
        """None where nothing sets it."""
        fitting = [found for pattern, found in self.patterns if fnmatchcase(path, pattern)]
        return self.plain.get(path) or (fitting[-1] if fitting else None)


def _path(name: str) -> str:
    """As sysctl(8): what comes first, "." or "/", is what separates."""
    dot, slash = name.find("."), name.find("/")
    return name if slash >= 0 and (dot < 0 or slash < dot) else name.replace(".", "/")


def _number(value: str) -> Value:
    """A number where it is one, else its words with one blank between them."""
    return int(value) if value.removeprefix("-").isdecimal() else " ".join(value.split())
