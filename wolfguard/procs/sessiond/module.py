# SPDX-License-Identifier: GPL-3.0-or-later
"""The primitives of the cryptographic module: the one place where sessiond imports it."""

from __future__ import annotations

from wolfguard.crypto.digest import sha256
from wolfguard.crypto.password import hash_password, needs_rehash, verify_password
from wolfguard.crypto.random import random_bytes
from wolfguard.procs.sessiond.notary import KeydNotary
from wolfguard.procs.sessiond.primitives import Primitives


def primitives() -> Primitives:
    """The frame has compared the library with the build's manifest before it asks (`crypto.self_tests`)."""
    return Primitives(sha256, random_bytes, hash_password, verify_password, needs_rehash, KeydNotary)
