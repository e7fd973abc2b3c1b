# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every test: property tests draw the same examples in every run, and no clock decides about them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("wolfguard", derandomize=True, deadline=None, max_examples=200)
settings.load_profile("wolfguard")


LEFT_OUT = pytest.StashKey[dict[str, int]]()
NEEDS = {
    "needs_fips_module": "need a FIPS module and were not run: WOLFGUARD_FIPS_BUNDLE gives one",
    "needs_mlkem": "need ML-KEM, which the installed libwolfssl was built without, and were not run",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--log-mode", action="store_true", help="gateways learn; what is learned fails a test")
    parser.addoption("--write-clients", action="store_true", help="write what each client gets instead of comparing")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = {}
    if config.getoption("--log-mode"):
        # Only here: it loads the installed package, which most tests of the tree do without.
        from tests.log_mode import LogMode

        config.pluginmanager.register(LogMode(), "log-mode")


def has(need: str) -> bool:
    """Whether the installed libwolfssl has what a marker asks for, by the manifest of its build."""
    file = Path(sys.prefix) / "wolfssl" / "lib" / "wolfssl-manifest.json"
    manifest = json.loads(file.read_text()) if file.is_file() else {"verdict": "none", "options": ["--enable-mlkem"]}
    if need == "needs_fips_module":
        return bool(manifest["verdict"] != "none")
    return "--enable-mlkem" in manifest["options"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that need what the installed library lacks are left out and counted."""
    for need in NEEDS:
        left_out = [] if has(need) else [item for item in items if item.get_closest_marker(need)]
        if left_out:
            items[:] = [item for item in items if item not in left_out]
            config.hook.pytest_deselected(items=left_out)
            config.stash[LEFT_OUT][need] = len(left_out)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What runs tests for another process tells it the counts; every such process has collected all of them."""
    told: dict[str, dict[str, int]] | None = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    told: dict[str, dict[str, int]] = getattr(node, "workeroutput", {})
    node.config.stash[LEFT_OUT] |= told.get("left_out", {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for need, count in config.stash[LEFT_OUT].items():
        terminalreporter.write_line(f"{count} tests {NEEDS[need]}")
