# SPDX-License-Identifier: GPL-3.0-or-later
"""What the manifest and the profiles say, as data for people at run time: `wolfguard sandbox explain` prints it.

Owns the form of seccomp/generated/explanation.json and the names of the arguments that profiles test. Reasons come
from the profiles as they are. What a process is started with is not taken from here: that is `wolfguard.sandbox`.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from typing import Any, Final

from generator.manifest import SUPERVISOR, Line, Manifest, Process
from generator.profile import Condition, Profile, Rule
from generator.program import ARCHITECTURES

ARGUMENTS: Final = {
    "clone": {0: "flags"},
    "fcntl": {1: "command"},
    "ioctl": {1: "request"},
    "mmap": {2: "protection"},
    "mprotect": {2: "protection"},
    "prctl": {0: "option"},
    "prlimit64": {2: "new limit"},
    "getsockopt": {1: "level"},
    "setsockopt": {1: "level", 2: "option"},
    "shutdown": {1: "how"},
    "socket": {0: "family", 2: "protocol"},
    "socketpair": {0: "family"},
}
"""As the manual pages call them."""

Numbers = Mapping[str, Mapping[str, int | None]]


def explanation(manifest: Manifest, profiles: Mapping[str, Profile], numbers: Numbers) -> str:
    """The whole file. Raises ValueError for a tested argument that has no name here."""
    document = {
        "generated": "by seccomp/generate from processes.yml, syscalls.yml and the profiles; do not edit",
        "processes": {process.name: _process(process, manifest) for process in manifest.processes},
        "profiles": {name: [_rule(rule) for rule in profile.rules] for name, profile in sorted(profiles.items())},
        "calls": {
            architecture.name: {
                name: number for name, entry in numbers.items() if (number := entry[architecture.name]) is not None
            }
            for architecture in ARCHITECTURES
        },
    }
    return json.dumps(document, indent=1) + "\n"


def _process(process: Process, manifest: Manifest) -> dict[str, Any]:
    return {
        "purpose": process.purpose,
        "user": process.user,
        "count": "one a worker slot" if process.per_slot else "one",
        "hears": process.hears,
        "capabilities": list(process.capabilities),
        "filter": process.filter,
        "selinux": process.selinux,
        "landlock": None
        if process.read is None or process.write is None
        else {"read": list(process.read), "write": list(process.write), "connect": list(process.connect)},
        "rlimits": dict(process.rlimits),
        "descriptors": list(process.descriptors),
        "channels": _channels(process, manifest),
    }


def _channels(process: Process, manifest: Manifest) -> list[dict[str, Any]]:
    """To the supervisor, or from it to all, and to other processes."""
    others = [edge for edge in manifest.edges if process.name in (edge.first, edge.second)]
    if process.name == SUPERVISOR:
        found = [_channel(process.name, child.name, "control", "", manifest) for child in manifest.children]
    else:
        found = [_channel(process.name, SUPERVISOR, "control", "", manifest)]
    for edge in others:
        peer = edge.second if edge.first == process.name else edge.first
        found.append(_channel(process.name, peer, edge.kind, edge.yields, manifest))
    return found


def _channel(name: str, peer: str, kind: str, yields: str, manifest: Manifest) -> dict[str, Any]:
    spoken = kind not in ("sign", "helpers")
    return {
        "with": peer,
        "kind": kind,
        "yields": yields,
        "sends": _messages(manifest.lines, name, peer) if spoken else [],
        "receives": _messages(manifest.lines, peer, name) if spoken else [],
    }


def _messages(lines: tuple[Line, ...], sender: str, receiver: str) -> list[dict[str, Any]]:
    return [
        {"message": line.message, "in": list(line.states), "descriptors": line.descriptors}
        for line in lines
        if (line.sender, line.receiver) == (sender, receiver)
    ]


def _rule(rule: Rule) -> dict[str, Any]:
    """`when`: alternatives, each a list of tests that must all hold; `error`: instead of being made or of death."""
    return {
        "call": rule.call,
        "reason": rule.reason,
        "when": [[_test(rule.call, test) for test in tests] for tests in rule.alternatives],
        "error": errno.errorcode[rule.error] if rule.error else "",
    }


def _test(call: str, test: Condition) -> dict[str, Any]:
    name = ARGUMENTS.get(call, {}).get(test.argument)
    if name is None:
        raise ValueError(f"generator/explanation.py: argument {test.argument} of {call} has no name")
    return {"argument": test.argument, "name": name, "test": test.operation, "values": list(test.names)}
