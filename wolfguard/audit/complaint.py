# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program's words on standard error become in a report: one of a closed list of sentences, and nothing else.

A program can print anything there: the line of a file that it did not understand, with the password in it. So none of
its words go on. Known ones are recognised by their form and said in words of ours; of others is said that there were
some. Must not know which program it was.
"""

from __future__ import annotations

import re
from typing import Final

READ_MAXIMUM: Final = 4096
UNKNOWN: Final = "it says why in words that no report repeats; run it by hand to read them"

_KNOWN: Final = tuple(
    (re.compile(form, re.IGNORECASE), sentence)
    for form, sentence in (
        # the way to another machine
        (rb"^sudo: .*((password|authentication) is required|terminal is required|no tty|askpass)",
         "sudo there asks for a password, which nobody types: allow this user to run env without one (NOPASSWD in "
         "sudoers), or log in as root"),
        (rb"^sudo: .*(not allowed|account validation|may not run)|is not in the sudoers file|not allowed to execute",
         "sudo there does not let this user run what looks: allow it in sudoers, or log in as root"),
        (rb"\bsudo: (command )?not found|sudo['\": ]+no such file", "there is no sudo: log in as root"),
        (rb"host key verification failed|remote host identification has changed", "Host key verification failed"),
        (rb"could not resolve hostname|name or service not known|temporary failure in name resolution",
         "its name cannot be resolved"),
        (rb"connection refused", "Connection refused"),
        (rb"(connection|operation) timed out", "Connection timed out"),
        (rb"no route to host|network is unreachable", "there is no route to it"),
        (rb"connection (closed|reset)|connection to .* closed|broken pipe|kex_exchange_identification",
         "the connection was closed"),
        (rb"too many authentication failures", "too many keys were tried"),
        (rb"bad owner or permissions", "a file has an owner or a mode that it refuses"),
        (rb"^python \d+\.\d+ is too old there, 3\.11 is needed$", "Python is too old there, 3.11 is needed"),
        (rb"cannot be entered \(", "it cannot be entered"),
        (rb"no such container|no container with name|cannot exec in a stopped|is not running|container state improper",
         "no such container runs"),
        (rb"cannot connect to (the docker|podman)|is the docker daemon running", "its engine does not answer"),
        # programs on the machine
        (rb"no gateway answers|nobody answers", "no gateway answers"),
        (rb"must be root|superuser|root privileges", "only root may ask"),
        (rb"has not been booted with|failed to connect to (system )?bus|connect to system (scope )?bus",
         "systemd does not run there"),
        (rb"no host ?keys available", "it has no host keys"),
        (rb"privilege separation directory", "its folder below /run is missing"),
        (rb"bad configuration option|unsupported option|bad (number|value)|configuration (file )?error|extra arguments",
         "it does not understand its configuration"),
        (rb"protocol (is )?not supported|protocol error|protocol not available", "the kernel does not support it"),
        (rb"permission denied", "Permission denied"),
        (rb"operation not permitted", "Operation not permitted"),
        (rb"operation not supported|function not implemented|invalid argument", "the kernel does not support it"),
        (rb"command not found|executable file not found", "there is no such program"),
        (rb"no such file or directory", "No such file or directory"),
        (rb"not installed|no packages found|no path found", "no such package is installed"),
        (rb"cannot allocate memory|no space left|too many open files", "it ran out of memory, room or files"),
    )
)  # fmt: skip


def complaint(errors: bytes) -> str:
    """Of what a program has printed on standard error; empty where that is nothing. Its newest lines count most."""
    lines = [line.strip() for line in errors[-READ_MAXIMUM:].splitlines() if line.strip()]
    for line in reversed(lines):
        for form, sentence in _KNOWN:
            if form.search(line):
                return sentence
    return UNKNOWN if lines else ""
