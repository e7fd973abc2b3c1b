# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs in many times and prints a line "ADDRESS COOKIE" for each; run inside the client's namespace.

Nothing is left open, so that what connects with the cookies later is all that a server holds.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import ssl
import sys
from pathlib import Path

# run by its name inside a namespace
sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.bench.logins import Login

AT_ONCE = 8


async def cookie(options: argparse.Namespace, number: int, context: ssl.SSLContext, turn: asyncio.Semaphore) -> str:
    source = str(ipaddress.ip_address(options.source) + number)
    async with turn:
        login = await Login.open(options.host, source, context)
        try:
            return f"{source} {await login.authenticate(options.user, options.password)}"
        finally:
            login.close()


async def main(options: argparse.Namespace) -> None:
    context = ssl.create_default_context(cafile=options.cafile)
    turn = asyncio.Semaphore(AT_ONCE)
    for line in await asyncio.gather(*(cookie(options, number, context, turn) for number in range(options.count))):
        print(line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--host", required=True)
    parser.add_argument("--cafile", required=True)
    parser.add_argument("--source", required=True, help="first source address; login n uses the n-th after it")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--count", type=int, required=True)
    asyncio.run(main(parser.parse_args()))
