# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway of toys: the real service over processes that do nothing. Run as `toy_gateway.py TREE FOLDER PROCESS...`.

A reload fails while FOLDER/configuration exists, with its text. SIGUSR1 makes its loop hang.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
import threading
from pathlib import Path

tree, folder, *names = sys.argv[1:]
sys.path.insert(0, tree)

from wolfguard.config.site import Configuration, Lockout  # noqa: E402 - found only with the line above
from wolfguard.errors import ConfigurationError, StartError  # noqa: E402
from wolfguard.linux.systemd import Notifier  # noqa: E402
from wolfguard.procs import log  # noqa: E402
from wolfguard.procs.supervisor import devices, status_of  # noqa: E402
from wolfguard.procs.supervisor.generation import open_generation  # noqa: E402
from wolfguard.procs.supervisor.holdings import Holdings  # noqa: E402
from wolfguard.procs.supervisor.installed import Program  # noqa: E402
from wolfguard.procs.supervisor.service import Service  # noqa: E402
from wolfguard.sandbox.processes import PROCESSES  # noqa: E402

FIRST = Configuration((), (), workers=2)
SECOND = dataclasses.replace(FIRST, workers=3, lockout=Lockout(failures=9))


class Toys:
    program = Program(Path(), sys.executable, "1.0")

    def command(self, process: str, slot: int | None) -> tuple[str, ...]:
        return (sys.executable, "-I", "-B", str(Path(__file__).with_name("toy.py")), tree, process, folder)


def resolve() -> Configuration:
    path = Path(folder, "configuration")
    if path.exists():
        raise ConfigurationError(path.read_text("ascii"))
    return SECOND


def null() -> int:
    return os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)


def hang() -> None:
    """Blocks the loop for good; threads go on."""
    print("the loop hangs", file=sys.stderr, flush=True)
    threading.Event().wait()


async def live(service: Service) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, hang)
    await service.run()


def main() -> int:
    log.start("supervisor")
    holdings = Holdings(
        slots=2,
        generation=open_generation(1, FIRST),
        listeners=[[null()], [null()]],
        datagrams=[[null()], [null()]],
        addresses=["127.0.0.1:1/tcp"],
        tuns=[null(), null()],
        traffic=devices.make_traffic(2, 4),
        management=null(),
        own=[],
        locks=[null()],
    )
    service = Service([PROCESSES[name] for name in names], Toys(), holdings, resolve, Notifier(os.environ))
    try:
        asyncio.run(live(service))
    except StartError as error:
        print(f"line: {error}", file=sys.stderr)
        return status_of(error)
    finally:
        holdings.close()
    return 0


sys.exit(main())
