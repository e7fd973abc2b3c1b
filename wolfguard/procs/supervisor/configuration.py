# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the supervisor's configuration comes from: a short-lived process that reads the site file and prints JSON.

So the process that stays root never parses YAML or a certificate. Owns the command, its limits, and the sealed memory
in which the configuration is handed to the children.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from wolfguard.config.site import Configuration
from wolfguard.errors import ConfigurationError, PeerError
from wolfguard.ipc import codec
from wolfguard.module_state import MODULE_FAILED
from wolfguard.procs.supervisor import ModuleFailedError

RESOLVE_SECONDS: Final = 90
TEXT_MAX: Final = 4000
MAKE_KEYS: Final = "--make-keys"


def default_command(path: str) -> tuple[str, ...]:
    """That of a start, which makes the gateway's own keys where there are none."""
    return (sys.executable, "-I", "-B", "-m", "wolfguard.cli", "config", "resolve", MAKE_KEYS, path)


def reading_command(command: Sequence[str], python: str) -> tuple[str, ...]:
    """That of a reload, by the interpreter of the version that processes run: keys that somebody took away meanwhile
    are not made anew beside those in use."""
    return tuple(python if word == sys.executable else word for word in command if word != MAKE_KEYS)


def resolve(command: Sequence[str]) -> Configuration:
    """Blocks while the command runs. Raises ConfigurationError with what the command said, or
    ModuleFailedError when it has no cryptographic module that works."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=RESOLVE_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(f"reading the configuration took more than {RESOLVE_SECONDS} s") from None
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration: {command[0]}: {error.strerror}") from error
    if result.returncode != 0:
        text = result.stderr[-TEXT_MAX:].decode(errors="replace").strip()
        if result.returncode == MODULE_FAILED:
            raise ModuleFailedError(f"the configuration cannot be read, the module of its reader failed: {text}")
        raise ConfigurationError(text or f"reading the configuration ended with status {result.returncode}")
    try:
        return codec.decode(Configuration, result.stdout, codec.CONFIGURATION_LIMIT)
    except PeerError as error:
        raise ConfigurationError(f"the resolved configuration is not of this release: {error}") from error


def sealed(configuration: Configuration) -> int:
    """Descriptor of memory that holds the configuration as JSON and that nobody can change any more."""
    data = codec.encode(configuration, codec.CONFIGURATION_LIMIT)
    descriptor = os.memfd_create("wolfguard-configuration", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor
