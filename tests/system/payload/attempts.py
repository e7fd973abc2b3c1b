# SPDX-License-Identifier: GPL-3.0-or-later
"""What an attacker tries who runs code of his own in a worker: one line each, with the layer that must stop it."""

from __future__ import annotations

import mmap
import os
import signal
import socket
import struct
from typing import Final

from tests.system.payload.attempt import (
    CAPABILITY,
    KERNEL,
    LANDLOCK,
    MACHINE,
    NOTHING,
    SELINUX,
    SUCCESS,
    UNDUMPABLE,
    UNIT,
    UNTRIED,
    USER,
    Attempt,
    Of,
    Outcome,
    internet,
    killed,
    path,
    refused,
)
from tests.system.payload.injection import SCRATCH, SCRATCH_BYTES

AT_FDCWD: Final = -100
CLONE_NEWNET: Final = 0x40000000
TUNSETIFF, TUNSETOWNER = 0x400454CA, 0x400454CC
PTRACE_SEIZE: Final = 0x4206
SO_ATTACH_REUSEPORT_CBPF: Final = 51
MSG_FASTOPEN: Final = 0x20000000
AF_VSOCK, AF_NETLINK, AF_PACKET = 40, 16, 17
PR_SET_DUMPABLE: Final = 4
KEY_SPEC_PROCESS_KEYRING: Final = -2
ANONYMOUS: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
READ_WRITE_EXECUTE: Final = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
VECTOR: Final = struct.pack("=QQ", SCRATCH, 16)

_ALONE = Outcome(NOTHING, (SUCCESS,))
_LANDLOCK = Outcome(LANDLOCK, ("EACCES",), abi=1)
_ABSENT = refused("ENOENT")


_UNIT = Outcome(UNIT, ("ENOSYS",))
_FAMILY = Outcome(UNIT, ("EAFNOSUPPORT",))


def _selinux(denied: str) -> Outcome:
    return Outcome(SELINUX, ("EACCES",), denied=denied)


def _capability(*errors: str) -> Outcome:
    return Outcome(CAPABILITY, errors or ("EPERM",))


WORKER: Final = (
    # --- other programs and processes -------------------------------------------------------------------------------
    Attempt("execve", "run a program", "execve", (path("/bin/sh"), 0, 0), killed(), _LANDLOCK,
            _selinux("file { execute }")),
    Attempt("fexecve", "run a program that it holds open", "execveat", (0, path(""), 0, 0, 0x1000), killed(),
            Outcome(KERNEL, ("EACCES",)), Outcome(KERNEL, ("EACCES",))),
    Attempt("memfd_create", "a program in memory", "memfd_create", (path("x"), 0), killed(), _ALONE, _ALONE),
    Attempt("fork", "a process of its own", "fork", (), killed(), _ALONE, _ALONE),
    Attempt("vfork", "a process of its own, sharing memory", "vfork", (), killed(), UNTRIED),
    Attempt("clone", "a process of its own, newer", "clone", (signal.SIGCHLD, 0, 0, 0, 0), killed(), _ALONE, _ALONE),
    Attempt("clone3", "a process of its own, newest", "clone3", (bytes(64), 64), refused("ENOSYS"), refused("ENOSYS"),
            _UNIT),
    Attempt("mmap executable", "code of its own", "mmap",
            (0, 4096, READ_WRITE_EXECUTE, ANONYMOUS, -1, 0), killed(), _ALONE, _selinux("process { execmem }"),
            # its systemd refuses by a filter, before the kernel asks SELinux
            Outcome(UNIT, ("EPERM",))),
    Attempt("mprotect executable", "data become code", "mprotect",
            (SCRATCH, SCRATCH_BYTES, READ_WRITE_EXECUTE), killed(), _ALONE, Outcome(UNIT, ("EACCES", "EPERM"))),
    Attempt("personality", "turn off the random placing of memory", "personality", (0x40000,), killed(), _ALONE,
            _UNIT),
    # --- files ------------------------------------------------------------------------------------------------------
    Attempt("open key", "read a private key", "openat", (AT_FDCWD, Of("key"), os.O_RDONLY, 0), _ABSENT, _ABSENT,
            _selinux("dir { search }")),
    Attempt("openat shadow", "read the machine's passwords", "openat",
            (AT_FDCWD, path("/etc/shadow"), os.O_RDONLY, 0), _ABSENT, _ABSENT, Outcome(USER, ("EACCES",))),
    Attempt("openat passwd", "read what everybody may read", "openat",
            (AT_FDCWD, path("/etc/passwd"), os.O_RDONLY, 0), _ABSENT, _ABSENT, _ALONE),
    Attempt("openat2", "read what everybody may read, newer", "openat2",
            (AT_FDCWD, path("/etc/passwd"), bytes(24), 24), _ABSENT, _ABSENT, _UNIT),
    Attempt("open memory", "write its own memory past all protection", "openat",
            (AT_FDCWD, path("/proc/self/mem"), os.O_RDWR, 0), _ABSENT, _ABSENT, _ALONE),
    Attempt("creat", "make a file", "creat", (path("/tmp/wolfguard-payload"), 0o600), killed(), _LANDLOCK,
            _selinux("dir { search }")),
    Attempt("unlink", "remove a file", "unlink", (Of("database"),), killed(), _LANDLOCK, _selinux("dir { search }")),
    Attempt("rename", "move a file", "rename", (Of("database"), path("/tmp/wolfguard-payload")), killed(), _LANDLOCK,
            _selinux("dir { search }")),
    Attempt("mkdir", "make a folder", "mkdir", (path("/tmp/wolfguard-payload"), 0o700), killed(), _LANDLOCK,
            _selinux("dir { search }")),
    Attempt("chmod", "open a file to others", "chmod", (Of("database"), 0o666), killed(), Outcome(USER, ("EACCES",)),
            _selinux("dir { search }")),
    Attempt("truncate log", "overwrite what the log says already", "fcntl", (1, 4, 0), killed(), _ALONE, _ALONE),
    # --- the network ------------------------------------------------------------------------------------------------
    Attempt("socket inet", "a connection to elsewhere", "socket",
            (socket.AF_INET, socket.SOCK_STREAM, 0), killed(), _ALONE, _selinux("tcp_socket { create }")),
    Attempt("socket unix", "speak to local services", "socket",
            (socket.AF_UNIX, socket.SOCK_STREAM, 0), killed(), _ALONE, _ALONE),
    Attempt("socket netlink", "speak to the kernel", "socket", (AF_NETLINK, socket.SOCK_RAW, 0), killed(), _ALONE,
            _selinux("netlink_route_socket { create }")),
    Attempt("socket packet", "listen on a card", "socket", (AF_PACKET, socket.SOCK_RAW, 0), killed(), _capability(),
            _FAMILY),
    Attempt("socket raw", "packets with foreign sources", "socket",
            (socket.AF_INET, socket.SOCK_RAW, 255), killed(), _capability(), _selinux("rawip_socket { create }")),
    Attempt("socket vsock", "speak to the hypervisor", "socket",
            (AF_VSOCK, socket.SOCK_STREAM, 0), killed(), Outcome(NOTHING, (SUCCESS, "EAFNOSUPPORT")), _FAMILY),
    Attempt("connect", "turn a listener into a connection", "connect",
            (Of("listener"), internet("192.0.2.1", 80), 16), killed(), Outcome(LANDLOCK, ("EACCES",), abi=4),
            _selinux("tcp_socket { connect }")),
    Attempt("bind", "a further port", "bind", (Of("datagram"), internet("203.0.113.1", 4443), 16), killed(),
            Outcome(KERNEL, ("EINVAL",)), _selinux("udp_socket { bind }")),
    Attempt("shutdown listener", "leave its successor a listener that hears nobody", "shutdown",
            (Of("listener"), socket.SHUT_RDWR), killed(), _ALONE, _ALONE),
    Attempt("fast open", "a connection to elsewhere from a listener", "sendto",
            (Of("listener"), b"x", 1, MSG_FASTOPEN, internet("192.0.2.1", 80), 16),
            Outcome(KERNEL, ("EISCONN",)), Outcome(NOTHING, ("ENETUNREACH", "EINPROGRESS")),
            _selinux("tcp_socket { connect }"),
            # its kernel asks no security module about this way of connecting
            Outcome(NOTHING, ("ENETUNREACH", "EINPROGRESS"))),
    Attempt("datagram", "a datagram to elsewhere from its own port", "sendto",
            (Of("datagram"), b"x", 1, 0, internet("198.51.100.2", 9), 16), _ALONE, _ALONE, _ALONE),
    Attempt("attach filter", "choose the packets of its sockets", "setsockopt",
            (Of("datagram"), socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, bytes(16), 16), killed(),
            Outcome(KERNEL, ("EINVAL",)), Outcome(KERNEL, ("EINVAL",))),
    Attempt("TUNSETIFF", "another device for its TUN", "ioctl", (Of("tun"), TUNSETIFF, bytes(40)), killed(),
            Outcome(KERNEL, ("EEXIST", "EINVAL")), _selinux("chr_file { ioctl }")),
    Attempt("TUNSETOWNER", "own its TUN", "ioctl", (Of("tun"), TUNSETOWNER, 0), killed(), _ALONE,
            _selinux("chr_file { ioctl }")),
    # --- other processes --------------------------------------------------------------------------------------------
    Attempt("ptrace", "trace its sibling", "ptrace", (PTRACE_SEIZE, Of("sibling"), 0, 0), killed(),
            Outcome(UNDUMPABLE, ("EPERM",)), _UNIT),
    Attempt("process_vm_readv", "read its sibling's memory", "process_vm_readv",
            (Of("sibling"), VECTOR, 1, VECTOR, 1, 0), killed(), Outcome(UNDUMPABLE, ("EPERM",)), _UNIT),
    Attempt("pidfd_open", "take its sibling's descriptors", "pidfd_open", (Of("sibling"), 0), killed(), _ALONE,
            _ALONE),
    Attempt("kill sibling", "end its sibling", "kill", (Of("sibling"), signal.SIGKILL), killed(),
            Outcome(LANDLOCK, ("EPERM",), abi=6), _selinux("process { sigkill }")),
    Attempt("kill supervisor", "end the gateway", "kill", (Of("supervisor"), signal.SIGKILL), killed(),
            Outcome(USER, ("EPERM",)), Outcome(USER, ("EPERM",))),
    Attempt("tgkill sibling", "end its sibling by a thread", "tgkill",
            (Of("sibling"), Of("sibling"), signal.SIGKILL), killed(), Outcome(LANDLOCK, ("EPERM",), abi=6),
            _selinux("process { sigkill }")),
    # --- more rights ------------------------------------------------------------------------------------------------
    Attempt("setuid", "become root", "setuid", (0,), killed(), _capability(), _capability()),
    Attempt("setgid", "become root's group", "setgid", (0,), killed(), _capability(), _capability()),
    Attempt("capset", "take capabilities", "capset",
            (struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", *[0xFFFFFFFF] * 6)), killed(), _capability(),
            _capability()),
    Attempt("prlimit", "raise its limits", "prlimit64",
            (0, 7, struct.pack("=QQ", 1 << 20, 1 << 20), 0), refused("EPERM"), refused("EPERM"), _capability()),
    Attempt("prctl dumpable", "let others look in", "prctl", (PR_SET_DUMPABLE, 1, 0, 0, 0), refused("EINVAL"),
            refused("EINVAL"), _ALONE),
    Attempt("seccomp", "a filter of its own", "seccomp", (1, 0, 0), killed(), Outcome(KERNEL, ("EFAULT",)),
            Outcome(KERNEL, ("EFAULT",))),
    Attempt("mount", "another file system", "mount",
            (path("none"), path("/tmp"), path("tmpfs"), 0, 0), killed(), _capability(), _UNIT),
    Attempt("pivot_root", "another root", "pivot_root", (path("/"), path("/")), killed(), _capability(), _UNIT),
    Attempt("chroot", "another root, older", "chroot", (path("/tmp"),), killed(), _capability(), _UNIT),
    Attempt("unshare", "namespaces of its own", "unshare", (CLONE_NEWNET,), killed(), _capability(), _UNIT),
    Attempt("setns", "another's namespaces", "setns", (0, CLONE_NEWNET), killed(), Outcome(KERNEL, ("EINVAL",)),
            _UNIT),
    # --- the kernel's inside ----------------------------------------------------------------------------------------
    Attempt("bpf", "a program for the kernel", "bpf", (5, bytes(128), 128), killed(),
            Outcome(MACHINE, ("EPERM", "EINVAL", "E2BIG")), _UNIT),
    Attempt("perf_event_open", "counters of the kernel", "perf_event_open",
            (struct.pack("=II", 1, 128) + bytes(120), 0, -1, -1, 0), killed(), Outcome(MACHINE, ("EACCES", "EPERM")),
            _UNIT),
    Attempt("userfaultfd", "hold the kernel up", "userfaultfd", (0,), killed(), Outcome(MACHINE, ("EPERM", "ENOSYS")),
            _UNIT),
    Attempt("io_uring_setup", "system calls past the filter", "io_uring_setup", (8, bytes(120)), killed(),
            Outcome(NOTHING, (SUCCESS, "EPERM", "ENOSYS")), _UNIT),
    Attempt("init_module", "code in the kernel", "init_module", (bytes(8), 8, path("")), killed(),
            _capability("EPERM", "ENOSYS"), _UNIT),
    Attempt("kexec_load", "another kernel", "kexec_load", (0, 0, 0, 0), killed(), _capability("EPERM", "ENOSYS"),
            _UNIT),
    Attempt("add_key", "keys of the kernel", "add_key",
            (path("user"), path("x"), b"x", 1, KEY_SPEC_PROCESS_KEYRING), killed(), _ALONE, _UNIT),
    Attempt("keyctl", "another's keys of the kernel", "keyctl", (0, -3, 0), killed(),
            Outcome(KERNEL, ("ENOKEY", SUCCESS)), _UNIT),
)  # fmt: skip
