# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiled filters beside this package, each compared with the manifest's hash before anybody may install it.

Loads the native extension for the hash: the supervisor, which maps no cryptography, must not import this.
"""

from __future__ import annotations

import platform

from wolfguard import _native
from wolfguard.errors import StartError
from wolfguard.sandbox.manifest import filter_program
from wolfguard.sandbox.processes import FILTERS


def file_name(name: str, machine: str | None = None) -> str:
    """Of the filter `name` for this machine, or for another."""
    return f"{name}.{machine or platform.machine()}.bpf"


def digest(program: bytes) -> str:
    """SHA-256 in hex, as it stands in the manifest. Raises StartError when the module does not compute."""
    try:
        return _native.digest("sha256", program).hex()
    except RuntimeError as error:
        raise StartError(f"the seccomp filter's hash cannot be computed: {error}") from None


def load(name: str, machine: str | None = None) -> bytes:
    """The filter, checked. Raises StartError when there is none, or it is not the one that the manifest names."""
    program = filter_program(name, machine)
    file = file_name(name, machine)
    wanted, found = FILTERS.get(file), digest(program)
    if found != wanted:
        raise StartError(
            f"the seccomp filter {file} is not the manifest's: its SHA-256 is {found}, in the manifest it is "
            f"{wanted or 'missing'}; install the package again"
        )
    return program
