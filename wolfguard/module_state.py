# SPDX-License-Identifier: GPL-3.0-or-later
"""What one process has observed of the cryptographic module in it: data alone, so that it can travel in messages.

Owns the shape and its words. `crypto.self_tests` observes it; a process says it with Ready, and the supervisor hands it
on to who asks for the status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PASSED: Final = "passed"
FAILED: Final = "failed"

INTACT: Final = "intact"
"""What is mapped, and the file, are what the manifest of the build says."""

MODULE_FAILED: Final = 5
"""Exit status of every process, and of the gateway, that ends because its cryptographic module failed."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """`name` is that of the algorithm; `state` is PASSED or FAILED."""

    name: str
    state: str
    microseconds: int


@dataclass(frozen=True, slots=True)
class ModuleState:
    """`library` is the version that the loaded library says of itself, `module` the FIPS module's own version, empty
    where there is none. `integrity` is INTACT or a sentence about what differs. `microseconds` is the processor time
    that all of it took: the start of the library, `tests`, and the measurement of what is mapped."""

    library: str
    module: str
    integrity: str
    microseconds: int
    tests: tuple[SelfTest, ...]

    @property
    def selftest_ms(self) -> float:
        return self.microseconds / 1000
