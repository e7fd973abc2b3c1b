# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel: its command line, its modules, what it says of the processor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation
from wolfguard.audit.place import Missing, lines, meant, optional_listing, text, texts
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value

_COMMAND_LINE: Final = "/proc/cmdline"
_MODULES: Final = "/proc/modules"
_WEAKNESSES: Final = "/sys/devices/system/cpu/vulnerabilities"
_MODPROBE: Final = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d")
_REFUSALS: Final = ("/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true", "/sbin/nologin")


def command_line(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """What stands behind "--" is init's and not told."""
    words = text(vantage.place, _COMMAND_LINE).split(" -- ")[0].split()
    parameters: dict[str, Value] = {}
    for word in words:
        name, _, value = word.partition("=")
        parameters[name] = int(value) if value.isdecimal() else value
    return Observation({"words": tuple(words), "parameters": parameters}, _COMMAND_LINE)


def modules(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """A module that this kernel does not have cannot be loaded, and one that is built in is loaded. Raises Unobservable
    where the kernel's lists of modules are not there, as in most containers."""
    names = {_normal(name): name for name in arguments["names"]}
    place = vantage.place
    folder = f"/lib/modules/{place.kernel()}"
    loaded = _loaded(vantage)
    # without these lists a module that is built in, or that waits to be loaded, would be overlooked
    built_in = {_normal(_stem(line)) for line in lines(place, f"{folder}/modules.builtin")}
    there = {_normal(_stem(line.partition(":")[0])) for line in lines(place, f"{folder}/modules.dep")}
    blocked = _blocked(vantage)
    present = [name for name in names if name in loaded or name in built_in]
    loadable = [name for name in names if name in present or (name in there and name not in blocked)]
    seen: dict[str, Value] = {
        "loaded": tuple(names[name] for name in present),
        "loadable": tuple(names[name] for name in loadable),
    }
    return Observation(seen, f"{_MODULES}, {folder}, modprobe.d")


def weaknesses(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Absent where the kernel does not tell."""
    names = optional_listing(vantage.place, _WEAKNESSES)
    files = texts(vantage.place, [f"{_WEAKNESSES}/{name}" for name in names])
    told = {path.rsplit("/", 1)[-1]: words.strip() for path, words in files}
    if not told:
        return Observation(None, _WEAKNESSES)
    vulnerable = tuple(name for name, words in told.items() if words.lower().startswith("vulnerable"))
    return Observation({"vulnerable": vulnerable}, _WEAKNESSES)


def _loaded(vantage: Vantage) -> set[str]:
    """A kernel without modules has none loaded."""
    try:
        return {line.split()[0] for line in text(vantage.place, _MODULES).splitlines() if line}
    except Missing:
        return set()


def _blocked(vantage: Vantage) -> set[str]:
    """Those that modprobe would run a refusal for; a mere "blacklist" stops aliases alone and does not count."""
    found: set[str] = set()
    files: dict[str, str] = {}
    for folder in reversed(_MODPROBE):
        files.update({name: f"{folder}/{name}" for name in optional_listing(vantage.place, folder)})
    for _, content in texts(vantage.place, [file for file in files.values() if file.endswith(".conf")]):
        for line in meant(content):
            words = line.split()
            if len(words) >= 3 and words[0] == "install" and words[2] in _REFUSALS:
                found.add(_normal(words[1]))
    return found


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].partition(".ko")[0]


def _normal(name: str) -> str:
    return name.replace("-", "_")
