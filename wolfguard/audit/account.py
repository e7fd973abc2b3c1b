# SPDX-License-Identifier: GPL-3.0-or-later
"""The account with which an audit logs in, if the site gives it one: its secrets show themselves nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from wolfguard.secret import Secret


@dataclass(frozen=True, slots=True)
class Account:
    """`secrets` are given in the order in which the gateway asks for them; `group` is empty for the site's choice.
    `pin` is "pin-sha256:" and the SHA-256 of the listener's public key in base 64 (RFC 7469 section 2.4), or empty:
    then they are shown to a listener of this machine alone."""

    user: str
    secrets: tuple[Secret, ...] = field(repr=False)
    group: str = ""
    pin: str = ""
