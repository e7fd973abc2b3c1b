# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor's own confinement: of root's capabilities it keeps those of the manifest, however it was started.

The unit sets the same bound from outside, with a filter of system calls around it; in a terminal this is all there is.
What it executes can never have more: the bounding set and no_new_privs hold for launchers and for the reading of the
site file too.
"""

from __future__ import annotations

from wolfguard.errors import StartError
from wolfguard.linux import capabilities
from wolfguard.sandbox.outer_bound import CAPABILITIES


def enter() -> None:
    """To be called before the first thread. Raises StartError when it cannot be done or does not show afterwards."""
    wanted = sum(1 << number for number in CAPABILITIES.values())
    # inherited ones can be permitted that are not in the bounding set, out of which nothing can be kept
    now = capabilities.read()
    there = now["CapPrm"] & now["CapBnd"]
    missing = [name for name, number in CAPABILITIES.items() if not there >> number & 1]
    if missing:
        raise StartError(f"the gateway cannot start without {', '.join(missing)}; let this container or unit have it")
    try:
        capabilities.keep(CAPABILITIES.values())
    except OSError as error:
        raise StartError(f"cannot drop root's capabilities: {error.strerror}; the kernel must allow this") from error
    shown = capabilities.read()
    expected = {"CapInh": 0, "CapPrm": wanted, "CapEff": wanted, "CapBnd": wanted, "CapAmb": 0, "NoNewPrivs": 1}
    for name, value in expected.items():
        if shown[name] != value:
            raise StartError(f"{name} is {shown[name]:x} in the supervisor, not {value:x}")
