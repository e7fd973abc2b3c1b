# SPDX-License-Identifier: GPL-3.0-or-later
"""What this process observed of its own module, and what is refused."""

from __future__ import annotations

import dataclasses

import pytest

from wolfguard._native import built_algorithms
from wolfguard.crypto import self_tests
from wolfguard.crypto.errors import ModuleStartError
from wolfguard.module_state import FAILED, INTACT, PASSED


def test_this_process_has_a_module_that_works() -> None:
    state = self_tests.observe()
    assert state.integrity == INTACT
    assert {test.state for test in state.tests} == {PASSED}
    assert {"sha256", "aes_gcm_256", "ecdsa_p384", "measurement"} <= {test.name for test in state.tests}
    assert state.selftest_ms == state.microseconds / 1000 > 0
    assert self_tests.require(state) is state


def test_an_algorithm_that_is_there_is_tested_and_no_other() -> None:
    hybrids = [name for name in built_algorithms()["groups"] if "MLKEM" in name]
    assert bool(hybrids) == any(test.name.startswith("mlkem") for test in self_tests.observe().tests)


def test_what_is_refused() -> None:
    state = self_tests.observe()
    broken = dataclasses.replace(state.tests[1], state=FAILED)
    for wrong, words in (
        (dataclasses.replace(state, integrity="its code differs"), "not the one that was built.*its code differs"),
        (dataclasses.replace(state, tests=(state.tests[0], broken)), f"failed {broken.name}"),
        (dataclasses.replace(state, tests=()), "made no self-test"),
    ):
        with pytest.raises(ModuleStartError, match=words):
            self_tests.require(wrong)
