# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway's evidence key with a real key server behind it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wolfguard.crypto import own_keys
from wolfguard.crypto.public_key import from_pem
from wolfguard.crypto.signing import EVIDENCE_NUMBER, SigningService
from wolfguard.procs.mgmtd.evidence import EvidenceKey


@contextmanager
def served(folder: Path) -> Iterator[EvidenceKey]:
    """Makes the key in `folder` (evidence.key, evidence.pub) and serves it until the block ends."""
    own_keys.make_missing(str(folder))
    public = own_keys.read_public(str(folder), own_keys.EVIDENCE)
    service = SigningService(2, p384_only=True)
    service.load_pair(EVIDENCE_NUMBER, os.open(folder / "evidence.key", os.O_RDONLY), from_pem(public.encode()))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    service.serve_one(theirs.detach(), EVIDENCE_NUMBER)
    made = EvidenceKey(public)
    made.attach(ours.detach())
    yield made
    service.close()
