#!/opt/wolfguard-gateway/bin/python -IB
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a worker's domain without the worker's filter and Landlock, and tries what a worker never does.

The pids of its sibling and of its own slot's worker come through the pipe on standard input; its answers go out through
standard output, one JSON object. "denied" means that the kernel said EACCES or EPERM; what has an account of its own
reason to be refused is tried on things that the account may use.
"""

import ctypes
import json
import os
import signal
import socket
import sys


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    sibling, same = asked["sibling"], asked["same"]
    libc = ctypes.CDLL(None, use_errno=True)

    def call(number, *arguments):
        if libc.syscall(number, *arguments) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    acts = {
        "exec a shell": lambda: os.execv("/bin/sh", ["sh", "-c", "exit 0"]),
        "exec Python": lambda: os.execv("/usr/bin/python3", ["python3", "-c", "pass"]),
        "exec the launcher": lambda: os.execv(asked["launcher"], ["x"]),
        "open a key": lambda: os.open("/etc/wolfguard-gateway/tls/server-ecdsa.key", os.O_RDONLY),
        "open the site file": lambda: os.open("/etc/wolfguard-gateway/wolfguard.yml", os.O_RDONLY),
        "open the store": lambda: os.open("/var/lib/wolfguard-gateway", os.O_RDONLY),
        "open the shadow file": lambda: os.open("/etc/shadow", os.O_RDONLY),
        "open a world-readable file of another program": lambda: os.open("/var/lib/dpkg/status", os.O_RDONLY),
        "write into /tmp": lambda: os.open("/tmp/probe", os.O_WRONLY | os.O_CREAT),
        "write into /dev/shm": lambda: os.open("/dev/shm/probe", os.O_WRONLY | os.O_CREAT),
        "memory file": lambda: os.write(os.memfd_create("probe"), b"x"),
        "open /dev/net/tun": lambda: os.open("/dev/net/tun", os.O_RDWR),
        "TCP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "UDP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
        "packet filter by netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12),
        "kernel's crypto socket": lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET),
        "vsock socket": lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM),
        "connect to the management socket": lambda: stream("/run/wolfguard-gateway/control.sock"),
        "connect to the journal": lambda: stream("/run/systemd/journal/stdout"),
        "connect to D-Bus": lambda: stream("/run/dbus/system_bus_socket"),
        "executable memory": lambda: executable(libc),
        "trace the worker of the same slot": lambda: call(101, 16, same, 0, 0),
        "kill the other worker": lambda: os.kill(sibling, signal.SIGURG),
        "kill sessiond": lambda: os.kill(asked["sessiond"], 0),
        "look at the other worker's memory": lambda: os.open(f"/proc/{sibling}/mem", os.O_RDONLY),
        "look at the other worker's state": lambda: os.open(f"/proc/{sibling}/stat", os.O_RDONLY),
        "descriptor of the other worker": lambda: call(438, os.pidfd_open(sibling), 3, 0),
        "another label for what it executes": lambda: label("exec"),
        "another label for itself": lambda: label("current"),
        "another label for its sockets": lambda: label("sockcreate"),
        "user namespace": lambda: call(272, 0x10000000),
        "mount": lambda: call(165, b"none", b"/mnt", b"tmpfs", 0, 0),
        "BPF program": lambda: call(321, 5, 0, 0),
        "kernel log": lambda: call(103, 3, 0, 0),
        "load a module": lambda: call(313, 0, b"", 0),
    }
    # what its domain gives: without these the answers above would prove little
    may = {
        "open a library": lambda: os.close(os.open("/usr/lib/os-release", os.O_RDONLY)),
        "pair of sockets": lambda: [end.close() for end in socket.socketpair()],
        "signal 0 to itself": lambda: os.kill(os.getpid(), 0),
        "signal 0 to the worker of the same slot": lambda: os.kill(same, 0),
    }
    with open("/proc/self/attr/current", encoding="ascii") as file:
        context = file.read().strip("\n\0")
    answer = {
        "context": context,
        "uid": os.getuid(),
        "seccomp": "Seccomp:\t0" in open("/proc/self/status", encoding="ascii").read(),  # noqa: SIM115
        "acts": {name: tried(act) for name, act in acts.items()},
        "may": {name: tried(act) for name, act in may.items()},
    }
    print(json.dumps(answer), flush=True)


def tried(act) -> str:
    try:
        act()
    except PermissionError:
        return "denied"
    except OSError as error:
        return error.strerror or type(error).__name__
    except BaseException as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return "done"


def stream(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(path)


def executable(libc) -> None:
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    if libc.mmap(None, 4096, 7, 0x22, -1, 0) == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def label(what: str) -> None:
    descriptor = os.open(f"/proc/thread-self/attr/{what}", os.O_WRONLY)
    os.write(descriptor, b"system_u:system_r:wolfguard_gateway_keyd_t:s0\0")


if __name__ == "__main__":
    main()
