# SPDX-License-Identifier: GPL-3.0-or-later
"""What sessiond takes from the cryptographic module, as plain functions, so that all else can be tested without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wolfguard.records.notary import Notary
from wolfguard.secret import Secret


@dataclass(frozen=True, slots=True)
class Primitives:
    """`digest` is SHA-256, `random(count)` the module's generator.

    `hash_password(password, iterations)` gives a verifier's text; `verify_password(password, verifier, iterations)`
    checks one and takes as long for None; both are slow and run in threads. `outdated(verifier, iterations)` says
    whether a verifier was made with less work than now asked for. `notary(public key)` has checkpoints signed.
    """

    digest: Callable[[bytes], bytes]
    random: Callable[[int], bytes]
    hash_password: Callable[[Secret, int], str]
    verify_password: Callable[[Secret, str | None, int], bool]
    outdated: Callable[[str, int], bool]
    notary: Callable[[str], Notary] | None = None
