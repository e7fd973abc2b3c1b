# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for secrets in the memory of running processes (/proc/<pid>/mem; needs CAP_SYS_PTRACE)."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.system.proc_files import Mapping as Memory
from tests.system.proc_files import mappings

_CHUNK: Final = 1 << 20
_UNREADABLE: Final = ("[vvar]", "[vvar_vclock]", "[vsyscall]", "[vdso]")


@dataclass(frozen=True, slots=True)
class Found:
    """A secret by its name, and the memory that it lies in."""

    secret: str
    memory: Memory
    address: int


def search(pid: int, secrets: Mapping[str, bytes]) -> list[Found]:
    """Every place in the memory of a process where one of the secrets stands."""
    longest = max(len(each) for each in secrets.values())
    found: list[Found] = []
    descriptor = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        for memory in mappings(pid):
            if "r" not in memory.permissions or memory.path in _UNREADABLE:
                continue
            for start in range(memory.start, memory.end, _CHUNK):
                try:
                    data = os.pread(descriptor, min(_CHUNK + longest - 1, memory.end - start), start)
                except OSError:
                    # Given back meanwhile, or pages of a file past its end.
                    continue
                found += _places(data, start, memory, secrets)
    finally:
        os.close(descriptor)
    return found


def _places(data: bytes, start: int, memory: Memory, secrets: Mapping[str, bytes]) -> list[Found]:
    found: list[Found] = []
    for name, secret in secrets.items():
        place = data.find(secret)
        while 0 <= place < _CHUNK:
            found.append(Found(name, memory, start + place))
            place = data.find(secret, place + 1)
    return found


def private_key(file: Path) -> dict[str, bytes]:
    """The secret numbers of a key, as they stand in files (big end first) and in wolfCrypt's memory (little end first),
    and a part of the file's own text."""
    text = file.read_bytes()
    key = serialization.load_pem_private_key(text, None)
    numbers: dict[str, tuple[int, int]] = {}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers["d"] = (key.private_numbers().private_value, key.key_size // 8)
    elif isinstance(key, rsa.RSAPrivateKey):
        private = key.private_numbers()
        half = key.key_size // 16
        numbers |= {"d": (private.d, 2 * half), "p": (private.p, half), "q": (private.q, half)}
        numbers |= {"dp": (private.dmp1, half), "dq": (private.dmq1, half)}
    else:
        raise TypeError(f"{file} is neither ECDSA nor RSA")
    body = base64.b64encode(base64.b64decode(b"".join(text.splitlines()[1:-1])))
    secrets = {"text": body[len(body) // 2 : len(body) // 2 + 48]}
    for name, (value, length) in numbers.items():
        # Without leading zeros, which a number in memory does not have.
        secrets[f"{name} big"] = value.to_bytes(length, "big").lstrip(b"\0")[:32]
        secrets[f"{name} little"] = value.to_bytes(length, "little").rstrip(b"\0")[:32]
    return secrets
