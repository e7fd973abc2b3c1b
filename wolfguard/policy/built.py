# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile against what libwolfssl was built with: what is named but not built is refused, or left out where the
profile allows that.

Owns the comparison. What is built comes from the library itself, asked for each name; a list in a file could be wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from wolfguard import _native
from wolfguard.errors import ConfigurationError
from wolfguard.policy.profile import CryptoProfile, ProfileFile

ASKED: Final = ("suites_tls13", "suites_tls12", "suites_dtls12", "groups", "signatures")
"""Keys of a profile whose values the library has or lacks."""

Built = Mapping[str, Collection[str]]


def built() -> Built:
    """For each key in `ASKED` the IANA names that this process's libwolfssl has and the gateway can use."""
    return _native.built_algorithms()


def resolve(file: ProfileFile, having: Built) -> CryptoProfile:
    """The profile without what it names `where_built` and is not. Raises ConfigurationError for anything else that is
    missing, and where nothing would be left of a list."""
    profile = file.profile
    optional = {(each.key, each.value) for each in file.statements if each.where_built}
    gone: set[str] = set()
    changes: dict[str, Any] = {}
    for key in ASKED:
        wanted: tuple[str, ...] = getattr(profile, key)
        missing = [value for value in wanted if value not in having[key]]
        required = [value for value in missing if (key, value) not in optional]
        if required or (wanted and len(missing) == len(wanted)):
            names = ", ".join(required or missing)
            raise ConfigurationError(
                f"the crypto profile {profile.name} names {names} ({key}), which this libwolfssl was built without; "
                "choose a profile that does without, or build the library with it (fips/wolfssl.yml)"
            )
        gone.update(missing)
        changes[key] = tuple(value for value in wanted if value not in missing)
    for key in ("key_shares", "not_validated", "not_approved"):
        changes[key] = tuple(value for value in getattr(profile, key) if value not in gone)
    return replace(profile, **changes)
