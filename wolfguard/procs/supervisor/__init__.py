# SPDX-License-Identifier: GPL-3.0-or-later
"""supervisor: the one process that stays root. It opens what others use, starts them, watches them and joins them.

It reads nothing from the network, parses no YAML, holds no key: configuration comes checked from a short-lived
process, key files are opened but not read, and its children speak to it in messages of the dispatch table.

Exit statuses of `main`: 0 after an orderly stop; 1 when something needed is missing or refused (a port in use, the TUN
device, a key file, an account); 2 when the configuration is wrong; 3 when a process failed at start; 5 when
the cryptographic module of a process failed, at start or later for good; 70 for a defect of the gateway itself. In each
case but 0 one line on stderr says why, and nothing is left running or behind.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from wolfguard.errors import ConfigurationError, LocalError, StartError
from wolfguard.module_state import MODULE_FAILED

STOPPED: Final = 0
CANNOT_START: Final = 1
BAD_CONFIGURATION: Final = 2
PROCESS_FAILED: Final = 3
DEFECT: Final = 70

_CODES: Final = {
    CANNOT_START: "refused",
    BAD_CONFIGURATION: "configuration",
    PROCESS_FAILED: "process",
    MODULE_FAILED: "module",
    DEFECT: "defect",
}


class ProcessStartError(StartError):
    """A child process ended, or did not become ready, during the start of the gateway."""


class ModuleFailedError(ProcessStartError):
    """The cryptographic module of a process failed, and it did so in a fresh process: there is no service without."""


_STATUSES: Final = (
    (ConfigurationError, BAD_CONFIGURATION),
    (ModuleFailedError, MODULE_FAILED),
    (ProcessStartError, PROCESS_FAILED),
)


def main(
    configuration_path: str,
    *,
    resolver: Sequence[str] | None = None,
    launchers: Path | None = None,
    learn: Collection[str] = (),
    as_json: bool = False,
) -> int:
    """Runs the gateway until a signal or an administrator ends it; returns the exit status.

    `resolver`: command that prints the resolved configuration as JSON, instead of `wolfguard config resolve <path>`.
    `launchers`: folder of the launchers, instead of the installed one. `learn`: processes whose filters log instead of
    killing, which is warned of, recorded and shown by the status for as long as it lasts.
    `as_json`: says why it cannot run, or that it has stopped, as one JSON object.
    """
    from wolfguard.sandbox import foreign_crypto

    foreign_crypto.block()
    # Only now: these import asyncio, which would map OpenSSL.
    from wolfguard.procs import log
    from wolfguard.procs.supervisor import bounds, configuration, installed, service, spawning

    log.start("supervisor")
    command = tuple(resolver) if resolver is not None else configuration.default_command(configuration_path)
    try:
        bounds.enter()
        launch = spawning.Launchers(installed.own(launchers or spawning.installed_launchers()), learn)
        service.run(command, launch)
    except LocalError as error:
        return _say(str(error), status_of(error), as_json)
    except Exception as error:
        return _say(f"defect of the gateway, please report it: {log.describe(error)}", DEFECT, as_json)
    if as_json:
        print(json.dumps({"stopped": {"status": STOPPED}}), flush=True)
    return STOPPED


def status_of(error: LocalError) -> int:
    """The exit status by which a person or systemd tells the kinds of failures apart."""
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status
    return CANNOT_START


def _say(text: str, status: int, as_json: bool) -> int:
    said = json.dumps({"error": {"code": _CODES[status], "text": text}}) if as_json else f"wolfguard: {text}"
    print(said, file=sys.stderr)
    return status
