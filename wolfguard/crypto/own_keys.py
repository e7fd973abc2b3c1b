# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the keys with which the gateway signs what it says itself: checkpoints of its records, and evidence.

Two keys, ECDSA P-384 each, made once by the module and kept for as long as somebody may want to verify. For each there
are NAME.key (root's alone; keyd gets it as an open descriptor) and NAME.pub (PEM, for whoever verifies). Owns how they
are made: never over something that is there, and whole or not at all. Must not know who signs what with them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Final

from wolfguard import _native
from wolfguard.crypto.public_key import from_pem, is_p384, to_pem
from wolfguard.errors import LocalError

CHECKPOINT: Final = "checkpoint"
EVIDENCE: Final = "evidence"
PUBLIC_MAX: Final = 4096


def private_file(folder: str, name: str) -> str:
    return os.path.join(folder, f"{name}.key")


def public_file(folder: str, name: str) -> str:
    return os.path.join(folder, f"{name}.pub")


def make_missing(folder: str, *, allow_unlocked: bool = False) -> tuple[str, ...]:
    """Makes what is missing of both keys and returns the names of those it made. `allow_unlocked`: also where the
    machine locks no memory. Raises LocalError that names the file."""
    made = []
    for name in (CHECKPOINT, EVIDENCE):
        private, public = (Path(file(folder, name)) for file in (private_file, public_file))
        if private.exists() and public.exists():
            continue
        if private.exists() or public.exists():
            there, lacking = (private, public) if private.exists() else (public, private)
            raise LocalError(f"{there} is there without {lacking}: put that back, or move both away to have new ones")
        try:
            os.makedirs(folder, mode=0o755, exist_ok=True)
            _make(private, public, allow_unlocked)
        except OSError as error:
            raise LocalError(
                f"cannot make the key {private}: {error.strerror}; make {folder} writable for root, or name another "
                "folder by paths.keys in the site file"
            ) from error
        made.append(name)
    return tuple(made)


def read_public(folder: str, name: str) -> str:
    """The text of a public key (PEM), or "" where there is none. Raises LocalError for anything else."""
    path = public_file(folder, name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror}") from error
    with open(descriptor, "rb") as file:
        content = file.read(PUBLIC_MAX)
    try:
        spki = from_pem(content)
    except LocalError as error:
        raise LocalError(f"{path}: {error}") from None
    if not is_p384(spki):
        raise LocalError(f"{path} is no key on P-384: checkpoints and evidence are signed with nothing else")
    return to_pem(spki)


def _make(private: Path, public: Path, allow_unlocked: bool) -> None:
    """Both or none. A crash in between leaves one alone, which the next start names."""
    try:
        with _fresh(private, 0o600) as file:
            spki = _native.make_p384_key(file.fileno(), allow_unlocked)
        with _fresh(public, 0o644) as file:
            # Whatever the umask: everybody may verify.
            os.fchmod(file.fileno(), 0o644)
            file.write(to_pem(spki).encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise
    except (ValueError, OSError) as error:
        for path in (private, public):
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise
        raise LocalError(f"cannot make the key {private}: {error}") from None


def _fresh(path: Path, mode: int) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    return open(os.open(path, flags, mode), "wb")
