# SPDX-License-Identifier: GPL-3.0-or-later
"""The one tree of errors that wolfguard raises.

Two branches matter to every caller: `LocalError` means that this side was misused or misconfigured and a person
here must act; `PeerError` means that the other side sent something it must not, and only that peer suffers.
Every message says what to do next. Nothing secret may enter a message: errors travel to logs.
"""

from __future__ import annotations


class WolfguardError(Exception):
    """Root of everything that this package raises on purpose."""


class LocalError(WolfguardError):
    """This side is at fault: a wrong call, a wrong setting, a missing resource."""


class PeerError(WolfguardError):
    """The other side is at fault. `label` is a stable name, used as counter and as event reason."""

    def __init__(self, label: str, detail: str = "") -> None:
        super().__init__(f"{label}: {detail}" if detail else label)
        self.label = label
        self.detail = detail


class ConfigurationError(LocalError):
    """The site file is wrong; the text names file, line, key, value and what is allowed."""


class StartError(LocalError):
    """Something that the gateway needs at start is missing or refused: nothing half-started stays behind."""
