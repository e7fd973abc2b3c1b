# SPDX-License-Identifier: GPL-3.0-or-later
"""A crypto profile as plain text: each value with its standing and its source. Snapshots of it are under test, so that
no change of a profile goes unseen."""

from __future__ import annotations

from itertools import groupby

from wolfguard.policy.load import APPROVED, ProfileFile


def render(file: ProfileFile) -> str:
    """Lines of text, the last one ended too."""
    profile = file.profile
    lines = [f"{profile.name}: {profile.title}", f"approved algorithms only: {'yes' if profile.approved else 'NO'}"]
    width = max(len(statement.value) for statement in file.statements)
    for key, statements in groupby(file.statements, key=lambda statement: statement.key):
        lines += ["", key.replace("_", " ")]
        for statement in statements:
            mark = "" if statement.standing == APPROVED else f"{statement.standing.replace('-', ' ').upper()}: "
            lines.append(f"  {statement.value:<{width}}  {mark}{statement.source}")
    return "\n".join(lines) + "\n"
