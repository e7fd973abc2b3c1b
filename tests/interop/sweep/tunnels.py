# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnels for clients of DTLS: a session over TLS under any profile, the name that its datagrams go by, and their key.

Owns the login through OpenSSL's s_client, since Python's ssl offers no group with ML-KEM.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from dataclasses import dataclass
from typing import Any, cast

from tests.interop import roots
from tests.interop.conftest import PASSWORD, Field
from tests.interop.hostile.raw_datagrams import OFFER, exported
from tests.interop.raw import Raw
from tests.interop.sweep.conftest import NAME, enter
from wolfguard.linux.namespace import Topology
from wolfguard.policy.load import load_profile

NUMBERS = itertools.count()


@dataclass
class Piped:
    """TLS that another program speaks, with the methods that `Raw` asks of a socket."""

    process: subprocess.Popen[bytes]

    def sendall(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def recv(self, most: int) -> bytes:
        assert self.process.stdout is not None
        return os.read(self.process.stdout.fileno(), most)

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate()


@dataclass
class Tunnel:
    """`head` is the answer to the CONNECT; `app_id` is empty where it names no way for datagrams."""

    tls: Raw
    head: str
    app_id: bytes
    key: bytes

    def close(self) -> None:
        self.tls.close()


def tunnel(name: str, field: Field, *headers: str) -> Tunnel:
    """Logs in under the profile of this name; `headers` are those of the CONNECT, else what a client says that takes
    the key of its datagrams from TLS."""
    log = f"/tmp/keys-{os.getpid()}-{next(NUMBERS)}"
    groups = ":".join(load_profile(name).groups)
    command = ["openssl", "s_client", "-quiet", "-connect", f"{Topology.GATEWAY_V4}:443", "-servername", NAME]
    process = subprocess.Popen(
        [*enter(field), *command, "-tls1_3", "-groups", groups, "-keylogfile", log],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    tls = Raw(cast(Any, Piped(process)))
    status, head, _ = tls.connect(tls.log_in("alice", PASSWORD), *(headers or OFFER))
    assert status == 200
    named = re.search(r"(?im)^x-dtls-app-id: ([0-9a-f]+)", head)
    file = roots.make(roots.STACKS) / log.lstrip("/")
    keys = file.read_text()
    file.unlink()
    return Tunnel(tls, head, bytes.fromhex(named.group(1)) if named else b"", exported(keys, "TLS_AES_256_GCM_SHA384"))
