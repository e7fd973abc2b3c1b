# SPDX-License-Identifier: GPL-3.0-or-later
"""One module or package a process, each started by its launcher as `python -I -m wolfguard.procs.<process>`.

In a process that a launcher started, importing this package closes the door on OpenSSL before anything else can be
imported (`import asyncio` alone would map it); in any other program it does nothing.
"""

import os

if "WOLFGUARD_PROCESS" in os.environ:
    from wolfguard.sandbox import foreign_crypto

    foreign_crypto.block()
