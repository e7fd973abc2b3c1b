# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys that commands are given as files: those of the gateway's own signatures, on P-384 and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wolfguard.cli.failure import CommandError
from wolfguard.crypto.public_key import from_pem, is_p384
from wolfguard.errors import LocalError

BYTES_MAX: Final = 4096


def public_key(path: Path, what: str) -> bytes:
    """SubjectPublicKeyInfo (DER) of a PEM file. Raises CommandError; `what` ends "... is no key on P-384, which"."""
    if path.exists() and not path.is_file():
        raise CommandError(f"{path} is not a regular file")
    try:
        with path.open("rb") as opened:
            spki = from_pem(opened.read(BYTES_MAX))
    except OSError as error:
        raise CommandError(f"cannot read the key {path}: {error.strerror}") from None
    except LocalError as error:
        raise CommandError(f"{path}: {error}") from None
    if not is_p384(spki):
        raise CommandError(f"{path} is no key on P-384, which {what}")
    return spki
