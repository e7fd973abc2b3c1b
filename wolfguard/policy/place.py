# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files of `policies/` are: in the installed package's data, or in the tree that this package runs from."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

from wolfguard.errors import StartError


def policies() -> Traversable:
    """The folder with `profiles/` and `schema/`. Raises StartError when neither place has it."""
    package = resources.files("wolfguard.policy")
    for place in (package / "data", package / ".." / ".." / "policies"):
        if (place / "schema" / "profile.yml").is_file():
            return place
    raise StartError("the policy files are not installed: reinstall the package (wolfguard/policy/data is missing)")
