# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `wolfguard`, one module a command. Loads a command's module when it is called, not before."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry of the `wolfguard` command."""
    from wolfguard.sandbox import foreign_crypto

    # A Unix socket needs no TLS: no command maps OpenSSL, or reads its configuration, for having asked over HTTP.
    foreign_crypto.block()
    from wolfguard.cli.root import command

    sys.exit(command.main(prog_name="wolfguard"))
