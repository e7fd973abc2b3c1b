#!/opt/wolfguard-gateway/bin/python -IB
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a worker's domain and tries what a worker never does.

Without a filter of system calls and Landlock, as root with every capability: what is refused, SELinux refuses. With the
worker's own account it tries what is named to it, where being root would hide what stands behind. Each act has a
process of its own, so that the kernel's denials can be told apart by its pid. What to aim at comes through standard
input, answers go out through standard output, one JSON object each way.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

Act = Callable[[], object]

LIBC = ctypes.CDLL(None, use_errno=True)
IGNORED = signal.SIGURG  # by everybody who does not wait for it


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    sibling, same = asked["sibling"], asked["same"]
    key = "/etc/wolfguard-gateway/tls/server-ecdsa.key"
    acts: dict[str, Act] = {
        "exec a shell": lambda: os.execv("/bin/sh", ["sh", "-c", "exit 9"]),  # noqa: S606
        "exec Python": lambda: os.execv("/usr/bin/python3", ["python3", "-c", "raise SystemExit(9)"]),  # noqa: S606
        "exec the launcher": lambda: os.execv(asked["launcher"], ["x"]),  # noqa: S606
        "open a private key": lambda: os.open(key, os.O_RDONLY),
        "open the site file": lambda: os.open("/etc/wolfguard-gateway/wolfguard.yml", os.O_RDONLY),
        "open the store": lambda: os.open("/var/lib/wolfguard-gateway", os.O_RDONLY),
        "open the shadow file": lambda: os.open("/etc/shadow", os.O_RDONLY),
        "open another program's file": lambda: os.open("/var/lib/dpkg/status", os.O_RDONLY),
        "open a disk": lambda: os.open("/dev/nvme0n1", os.O_RDONLY),
        "write into /tmp": lambda: os.open("/tmp/probe", os.O_WRONLY | os.O_CREAT),
        "write into /etc": lambda: os.open("/etc/probe", os.O_WRONLY | os.O_CREAT),
        "write into /dev/shm": lambda: os.open("/dev/shm/probe", os.O_WRONLY | os.O_CREAT),
        "write to a memory file of its own": lambda: os.write(os.memfd_create("probe"), b"x"),
        "write into /proc/sys": lambda: os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY),
        "open /dev/net/tun": lambda: os.open("/dev/net/tun", os.O_RDWR),
        "TCP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "UDP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
        "packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0),
        "netlink: routes": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
        "netlink: firewall": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12),
        "the kernel's crypto": lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET),
        "Unix datagrams": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
        "connect to the management socket": lambda: stream("/run/wolfguard-gateway/control.sock"),
        "connect to the journal": lambda: stream("/run/systemd/journal/stdout"),
        "connect to D-Bus": lambda: stream("/run/dbus/system_bus_socket"),
        "writable and executable memory": executable,
        "trace the worker of the same slot": lambda: call(101, 16, same, 0, 0),
        "trace the supervisor": lambda: call(101, 16, asked["supervisor"], 0, 0),
        "signal the other worker": lambda: os.kill(sibling, IGNORED),
        "signal sessiond": lambda: os.kill(asked["sessiond"], IGNORED),
        "kill the supervisor": lambda: os.kill(asked["supervisor"], signal.SIGKILL),
        "read the other worker's memory": lambda: os.open(f"/proc/{sibling}/mem", os.O_RDONLY),
        "read keyd's memory": lambda: os.open(f"/proc/{asked['keyd']}/mem", os.O_RDONLY),
        "take a descriptor of keyd": lambda: call(438, os.pidfd_open(asked["keyd"]), 3, 0),
        "choose the label of what it executes": lambda: label("exec"),
        "change its own label": lambda: label("current"),
        "choose the label of its sockets": lambda: label("sockcreate"),
        "change its user": lambda: os.setuid(1),
        "change its root": lambda: os.chroot("/usr"),
        "user namespace": lambda: call(272, 0x10000000),
        "network namespace": lambda: call(272, 0x40000000),
        "mount": lambda: call(165, b"none", b"/mnt", b"tmpfs", 0, 0),
        "BPF program": lambda: call(321, 5, ctypes.create_string_buffer(128), 128),
        "performance counters": counters,
        "the kernel's log": lambda: call(103, 3, ctypes.create_string_buffer(64), 64),
        "load a module": lambda: call(313, os.open("/usr/lib/os-release", os.O_RDONLY), b"", 0),
        "set the clock": lambda: call(227, 0, (ctypes.c_long * 2)(1, 0)),
    }
    # What its domain gives; without these the answers above would prove little.
    may: dict[str, Act] = {
        "open a library": lambda: os.close(os.open("/usr/lib/os-release", os.O_RDONLY)),
        "a pair of sockets": lambda: socket.socketpair(),
        "signal itself": lambda: os.kill(os.getpid(), IGNORED),
        "signal the worker of the same slot": lambda: os.kill(same, IGNORED),
    }
    with open("/proc/self/attr/current", encoding="ascii") as file:
        context = file.read().strip("\n\0")
    # an account may signal its own processes, so that only the category stands between two workers
    wanted = asked["names"] or [name for name in (*acts, *may) if not name.startswith("signal the ")]
    answer = {
        "context": context,
        "uid": os.getuid(),
        "acts": {name: tried(act) for name, act in acts.items() if name in wanted},
        "may": {name: tried(act) for name, act in may.items() if name in wanted},
    }
    print(json.dumps(answer), flush=True)


def tried(act: Act) -> tuple[int, str]:
    """Pid of the process that tried, and how it went."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, attempt(act).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        said = file.read()
    _, status = os.waitpid(pid, 0)
    # who executed another program can say no more
    return pid, said or f"done, status {status}"


def attempt(act: Act) -> str:
    try:
        act()
    except PermissionError:
        return "denied"
    except OSError as error:
        return error.strerror or type(error).__name__
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "done"


def call(number: int, *arguments: Any) -> None:
    if LIBC.syscall(ctypes.c_long(number), *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def stream(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(path)


def executable() -> None:
    LIBC.mmap.restype = ctypes.c_void_p
    LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    if LIBC.mmap(None, 4096, 7, 0x22, -1, 0) == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def label(what: str) -> None:
    descriptor = os.open(f"/proc/thread-self/attr/{what}", os.O_WRONLY)
    os.write(descriptor, b"system_u:system_r:wolfguard_gateway_keyd_t:s0\0")


def counters() -> None:
    # a software event (type 1), the processor's clock, with the size of the structure
    attributes = ctypes.create_string_buffer((1).to_bytes(4, "little") + (128).to_bytes(4, "little"), 128)
    call(298, attributes, 0, -1, -1, 0)


if __name__ == "__main__":
    main()
