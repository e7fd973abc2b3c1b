# SPDX-License-Identifier: GPL-3.0-or-later
"""What has been observed, as values: the input of `verdict.judge`. None everywhere means that nobody could look.

Owns shapes alone; where the values come from is the business of `observe`, `snapshot`, `declaration` and of the caller
who asks the gateway.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date
from typing import Final

TESTED: Final = "tested"
VENDOR: Final = "vendor"
USER: Final = "user"


@dataclass(frozen=True, slots=True)
class Module:
    """What a FIPS module says of itself: `version` such as "wolfCrypt v5.2.1", `core_hash` in hex, `status` 0 or its
    first error, `mode` 1 normal or -1 where its line cannot tell."""

    version: str
    core_hash: str
    status: int
    mode: int


@dataclass(frozen=True, slots=True)
class Library:
    """The libwolfssl that was looked at. `problem` is empty when the file is the one of its build's manifest, else a
    sentence; `flavour` and `declared` (none, eval, bundle) are the manifest's; `module` is None in a build without one.
    `self_tests` are (name, "passed" or "failed"), None where nobody could ask."""

    version: str
    path: str
    sha256: str
    problem: str
    flavour: str
    declared: str
    source: str
    module: Module | None
    self_tests: tuple[tuple[str, str], ...] | None


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """One process of the gateway: what it says of its module (None: it has not said), and whether the library's file
    that it maps is the one on disk (None: nobody could look)."""

    name: str
    library: str | None
    module: str | None
    integrity: str | None
    self_tests: tuple[tuple[str, str], ...] | None
    maps_this_file: bool | None


class GatewayState(enum.Enum):
    """Whether there was a gateway to ask."""

    ANSWERED = "answered"
    NOT_RUNNING = "not running"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Gateway:
    """`processes` are those that compute; `silent` names those of which nobody could learn anything; `reason` says why
    it was not asked."""

    state: GatewayState
    processes: tuple[RunningProcess, ...] = ()
    silent: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """`synchronized` is the kernel's own word (adjtimex), None where it could not be asked."""

    today: date
    synchronized: bool | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Environment:
    """What certificates call the operating environment. `acceleration`: whether the library is built to use the
    processor's cryptographic instructions and the processor has them; None where nobody could look."""

    system: str
    kernel: str
    processor: str
    acceleration: bool | None
    compiler: str


@dataclass(frozen=True, slots=True)
class ListedEnvironment:
    """A row of a certificate. An empty `kernel` or `compiler` is one that the row does not name. `affirmed` is TESTED
    or VENDOR."""

    system: str
    kernel: str
    processor: str
    acceleration: bool
    compiler: str
    affirmed: str


@dataclass(frozen=True, slots=True)
class Caveat:
    """A condition that the certificate puts beside its validity; `name` is the snapshot's."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate of the snapshot. `versions` are the module's own version strings; `sunset` is None where the
    snapshot does not know it."""

    number: int
    module: str
    versions: tuple[str, ...]
    standard: str
    status: str
    sunset: date | None
    caveats: tuple[Caveat, ...]
    environments: tuple[ListedEnvironment, ...]
    environments_complete: bool


@dataclass(frozen=True, slots=True)
class SystemModule:
    """A validated module of an operating system; `sunset` is None where the snapshot does not know it."""

    name: str
    number: int
    sunset: date | None


@dataclass(frozen=True, slots=True)
class ListedSystem:
    """What the snapshot says of an operating system; an empty `version` stands for all of them."""

    id: str
    version: str
    modules: tuple[SystemModule, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A list of certificates whose signature is good. `signer` says whose key that was."""

    taken: date
    source: str
    signer: str
    certificates: tuple[Certificate, ...]
    systems: tuple[ListedSystem, ...]

    def certificate(self, number: int) -> Certificate | None:
        return next((each for each in self.certificates if each.number == number), None)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What only the site can say. `affirmed` is "" or VENDOR or USER, with `reference` for it."""

    certificate: int
    entropy_source: str
    entropy_certificate: str = ""
    caveats: tuple[tuple[str, str], ...] = ()
    affirmed: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the verdict rests on. A `snapshot` that cannot be used is None, and `snapshot_problem` says why;
    so for `declaration`, where both empty means that the site declares nothing."""

    library: Library
    gateway: Gateway
    clock: Clock
    environment: Environment
    snapshot: Snapshot | None
    snapshot_problem: str
    declaration: Declaration | None
    declaration_problem: str
