# SPDX-License-Identifier: GPL-3.0-or-later
"""Enters the sandbox of a process and then does one thing. Run as `behind.py PACKAGE PROCESS ACT [FOLDER]`, by root.

Prints the facts and what came of the act; exits with 0 when it is still alive. With WOLFGUARD_FILTER=log in its
environment it learns, as a launched process does.
"""

from __future__ import annotations

import os
import sys

package, process, act, *rest = sys.argv[1:]
sys.path.insert(0, package)

from wolfguard.sandbox import foreign_crypto  # noqa: E402 - found only with the line above

if act != "openssl":
    foreign_crypto.block()

import asyncio  # noqa: E402 - after the block
import contextlib  # noqa: E402
import ctypes  # noqa: E402
import fcntl  # noqa: E402
import gc  # noqa: E402
import mmap  # noqa: E402
import socket  # noqa: E402
import struct  # noqa: E402
import threading  # noqa: E402
from collections.abc import Callable  # noqa: E402

from wolfguard.errors import StartError  # noqa: E402
from wolfguard.procs import log  # noqa: E402
from wolfguard.sandbox import learn  # noqa: E402
from wolfguard.sandbox.enter import enter  # noqa: E402

FIONREAD = 0x541B
TCP_MD5SIG = 14
libc = ctypes.CDLL(None, use_errno=True)
folder = rest[0] if rest else "/nowhere"
watcher = None
if learn.wanted():
    log.start(process)
    watcher = learn.start()
places = {"state": folder, "records": folder}
pair = socket.socketpair()
loop = asyncio.new_event_loop()


def read_file(path: str) -> str:
    with contextlib.suppress(FileNotFoundError, PermissionError), open(path, "rb") as file:
        return f"read {len(file.read())}"
    return "refused"


def write_file() -> str:
    with open(os.path.join(folder, "file"), "wb") as file:
        file.write(b"x")
    return "written"


def thread() -> str:
    said: list[str] = []
    one = threading.Thread(target=lambda: said.append("from a thread"))
    one.start()
    one.join()
    return said[0]


def report() -> str:
    """An exception that nobody catches in a task: logged, without its source."""

    async def fail() -> None:
        raise ValueError("a secret")

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(fail())
        await asyncio.wait([task])
        # The report comes when the task is forgotten.
        del task
        gc.collect()

    log.start("behind")
    loop.set_exception_handler(log.loop_error)
    loop.run_until_complete(main())
    return "reported"


def blocking() -> str:
    pair[0].setblocking(False)
    pair[0].setblocking(True)
    return "done"


def late_import() -> str:
    try:
        import wave  # noqa: F401
    except ImportError:
        return "refused"
    return "imported"


ACTS: dict[str, Callable[[], object]] = {
    "nothing": lambda: "done",
    "socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM) and "made",
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) and "made",
    "unix": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) and "made",
    "connect": lambda: pair[0].connect("/nowhere"),
    "exec": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 - no shell is wanted
    "fork": os.fork,
    "kill": lambda: os.kill(os.getppid(), 0),
    "ptrace": lambda: libc.ptrace(0, 0, 0, 0),
    "open": lambda: read_file("/etc/passwd"),
    "write": write_file,
    "executable": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "ioctl": lambda: fcntl.ioctl(pair[0].fileno(), FIONREAD, struct.pack("i", 0)),
    "setsockopt": lambda: pair[0].setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, b""),
    "blocking": blocking,
    "thread": thread,
    "report": report,
    "late": late_import,
    "openssl": lambda: "alive",
    "threads_before": lambda: "alive",
}

if act == "openssl":
    import ssl  # noqa: F401
if act == "threads_before":
    threading.Thread(target=threading.Event().wait, daemon=True).start()
try:
    facts = enter(process, places, watcher=watcher)
except StartError as error:
    print(f"refused: {error}", flush=True)
    os._exit(9)
print(" ".join(f"{name}={value}" for name, value in facts), flush=True)
try:
    print(f"result: {ACTS[act]()}", flush=True)
except OSError as error:
    print(f"result: {error.strerror}", flush=True)
sys.stderr.flush()
os._exit(0)
