# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two configurations, and which of it takes effect only at a restart.

Owns the table of such keys. Imports no YAML: long-lived processes call it at a reload.
"""

from __future__ import annotations

import dataclasses
import re

from wolfguard.config.site import Configuration

# Keys with the reason in words. Sockets, devices and counters are made once, at start, so that a death of a process
# moves nobody else; threads and limits are laid out in memory at start.
RESTART: dict[str, str] = {
    "listeners": "sockets are opened at start",
    "steer": "the choice of a worker is given to the sockets at start",
    "workers": "each worker has its place in the sockets' groups from the start",
    "handshake_threads": "threads are started with their worker",
    "backends": "processes set up their backends before confinement",
    "tun_prefix": "devices are made at start",
    "passwords.threads": "threads are started with their process",
    "limits.half_open": "laid out in memory at start",
    "limits.handshakes_per_second": "laid out in memory at start",
    "limits.handshake_burst": "laid out in memory at start",
    "limits.unauthenticated": "laid out in memory at start",
    "limits.sessions": "traffic counters are laid out at start",
    "records.target": "records are opened before confinement",
    "records.path": "records are opened before confinement",
    "sites[].timeouts.handshake": "laid out in memory at start",
    "sites[].timeouts.login": "laid out in memory at start",
    "confinement": "processes lock themselves in as they start",
    "paths.keys": "keys are opened at start",
    "paths.state": "directories are opened before confinement",
    "paths.run": "directories are opened before confinement",
}


def changed(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """Keys of the site file whose value differs, such as `sites[0].network.mtu`; a list of other length is one key."""
    return tuple(_differences(old, new, ""))


def needs_restart(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """Those of `changed` that a running gateway keeps as they were."""
    return tuple(key for key in changed(old, new) if restart_reason(key) is not None)


def restart_reason(key: str) -> str | None:
    """Why a change of this key (with or without numbers in its brackets) waits for a restart; None: it does not."""
    plain = re.sub(r"\[\d+\]", "[]", key)
    for pattern, reason in RESTART.items():
        if plain == pattern or plain.startswith((f"{pattern}.", f"{pattern}[")):
            return reason
    return None


def _differences(old: object, new: object, key: str) -> list[str]:
    if old == new:
        return []
    if dataclasses.is_dataclass(old) and type(old) is type(new):
        found: list[str] = []
        for field in dataclasses.fields(old):
            inner = f"{key}.{field.name}" if key else field.name
            found += _differences(getattr(old, field.name), getattr(new, field.name), inner)
        return found
    if isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new) and _objects(*old, *new):
        return [
            found
            for number, (before, after) in enumerate(zip(old, new, strict=True))
            for found in _differences(before, after, f"{key}[{number}]")
        ]
    return [key]


def _objects(*items: object) -> bool:
    return all(dataclasses.is_dataclass(item) for item in items)
