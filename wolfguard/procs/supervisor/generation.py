# SPDX-License-Identifier: GPL-3.0-or-later
"""One configuration as the children get it, from the moment it is taken until the next one takes its place.

Owns the numbers of private keys in keyd and the descriptors that belong to this configuration alone. Key files stay
open with it: a keyd that is restarted gets the keys that fit the certificates in use, even while renewed files already
lie in their place.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Final

from wolfguard.config.site import Configuration
from wolfguard.errors import StartError
from wolfguard.procs.supervisor import configuration as configurations
from wolfguard.procs.supervisor import keys

# Half of crypto.signing.TLS_NUMBERS, which is not imported here: it would load the library into the process of root.
SIDE: Final = 448
# Likewise of crypto.signing.CLIENT_NUMBERS.
CLIENT_FIRST: Final = 896
CLIENT_SIDE: Final = 32


@dataclass(frozen=True, slots=True)
class Generation:
    """`number` counts those that were taken, the first being 1; `keys` are in the order of their numbers in keyd,
    `secrets` in that of backends and their servers."""

    number: int
    configuration: Configuration
    sealed: int
    keys: tuple[int, ...]
    secrets: tuple[int, ...] = ()

    def close(self) -> None:
        for descriptor in (self.sealed, *self.keys, *self.secrets):
            os.close(descriptor)


def open_generation(number: int, configuration: Configuration) -> Generation:
    """Raises StartError for a private key that cannot be opened; then nothing is left open."""
    numbered = number_keys(number, configuration)
    opened = keys.open_keys(numbered)
    try:
        secrets = keys.open_secrets(numbered)
    except StartError:
        for descriptor in opened:
            os.close(descriptor)
        raise
    return Generation(number, numbered, configurations.sealed(numbered), tuple(opened), tuple(secrets))


def number_keys(generation: int, configuration: Configuration) -> Configuration:
    """Moves keys to their generation's side of keyd's numbers, so that old and new ones stand side by side there while
    workers change over, and handshakes in flight find the key that they began with."""
    shift = generation % 2 * SIDE
    sites = tuple(
        dataclasses.replace(
            site,
            certificates=tuple(dataclasses.replace(entry, number=entry.number + shift) for entry in site.certificates),
        )
        for site in configuration.sites
    )
    first = CLIENT_FIRST + generation % 2 * CLIENT_SIDE
    backends = tuple(
        dataclasses.replace(backend, radius=dataclasses.replace(backend.radius, number=first + place))
        if backend.radius is not None
        else backend
        for place, backend in enumerate(configuration.backends)
    )
    return dataclasses.replace(configuration, sites=sites, backends=backends)
