# SPDX-License-Identifier: GPL-3.0-or-later
"""The account with which an audit logs in, if the site gives it one: its secrets show themselves nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from wolfguard.secret import Secret


@dataclass(frozen=True, slots=True)
class Account:
    """`secrets` are given in the order in which the gateway asks for them; `group` is empty for the site's choice."""

    user: str
    secrets: tuple[Secret, ...] = field(repr=False)
    group: str = ""
