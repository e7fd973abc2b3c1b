# SPDX-License-Identifier: GPL-3.0-or-later
"""What this process has observed of the cryptographic module in it, and the refusal to go on without a sound one.

The tests themselves run in C while the native extension loads, before there are threads (self_test.c); a process in
which one fails does not come as far as this. What is left to Python is the comparison with the build's manifest, which
needs files: call `observe` before the sandbox.
"""

from __future__ import annotations

from wolfguard import _native
from wolfguard.crypto.errors import ModuleStartError
from wolfguard.crypto.library import NOT_OURS, identify
from wolfguard.module_state import FAILED, INTACT, PASSED, ModuleState, SelfTest


def observe() -> ModuleState:
    """Opens files. Raises ModuleStartError when the library's file cannot be read again."""
    module, microseconds, tests = _native.self_tests()
    return ModuleState(
        library=_native.library_version(),
        module=module,
        integrity=identify().problem or INTACT,
        microseconds=microseconds,
        tests=tuple(SelfTest(name, PASSED if passed else FAILED, took) for name, passed, took in tests),
    )


def require(state: ModuleState) -> ModuleState:
    """Fails closed: raises ModuleStartError unless library and tests are in order. Returns its argument."""
    if state.integrity != INTACT:
        raise ModuleStartError(NOT_OURS.format(problem=state.integrity))
    failed = [test.name for test in state.tests if test.state != PASSED]
    if failed or not state.tests:
        what = f"failed {', '.join(failed)}" if failed else "made no self-test"
        raise ModuleStartError(f"the cryptographic module {what}: build it again with fips/build")
    return state
