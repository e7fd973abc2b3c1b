# SPDX-License-Identifier: GPL-3.0-or-later
"""sessiond with the real module: what it takes from there fits together."""

from __future__ import annotations

import hashlib

from wolfguard.procs.sessiond.module import primitives
from wolfguard.secret import Secret

FEW = 1000


def test_primitives_of_the_module() -> None:
    given = primitives()
    assert given.digest(b"abc") == hashlib.sha256(b"abc").digest()
    assert len({given.random(32) for _ in range(8)}) == 8
    verifier = given.hash_password(Secret(b"right"), FEW)
    assert given.verify_password(Secret(b"right"), verifier, FEW)
    assert not given.verify_password(Secret(b"wrong"), verifier, FEW)
    assert not given.verify_password(Secret(b"right"), None, FEW)
    assert not given.outdated(verifier, FEW)
    assert given.outdated(verifier, FEW + 1)
