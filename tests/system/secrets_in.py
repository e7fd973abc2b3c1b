# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for secrets in files in every form in which they could have got there. Owns the forms alone."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

LEAST = 8
"""Shorter ones are found everywhere."""


def forms(secret: bytes) -> Iterator[bytes]:
    """As it is, in hexadecimal, in base64 from each of three places where it can begin, in JSON and in an address."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for place in range(3):
        padded = base64.b64encode(b"\x00" * place + secret)
        inner = padded[4 if place else 0 : len(padded) - 4]
        if len(inner) >= LEAST:
            yield inner
    text = secret.decode("utf-8", "ignore")
    if text.encode() == secret:
        yield quote(text, safe="").encode()
        yield text.replace("\\", "\\\\").replace('"', '\\"').encode()


def private_key(pem: bytes) -> dict[str, bytes]:
    """Each line of a PEM file's body, and what it says in DER without the few bytes that every key has."""
    lines = [line for line in pem.splitlines() if line and not line.startswith(b"-----")]
    found = {f"line {number}": line for number, line in enumerate(lines, 1) if len(line) >= LEAST}
    found["content"] = binascii.a2b_base64(b"".join(lines))[40:72]
    return found


def found(secrets: Mapping[str, bytes], folder: Path) -> list[str]:
    """Which secret is in which file, in which form."""
    for name, secret in secrets.items():
        assert len(secret) >= LEAST, f"{name} is too short to look for"
    return [
        f"{name} in {file.name} as {form!r}"
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        for content in [file.read_bytes()]
        for name, secret in secrets.items()
        for form in forms(secret)
        if form in content
    ]
