# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every test: property tests draw the same examples in every run, and no clock decides about them."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("wolfguard", derandomize=True, deadline=None, max_examples=200)
settings.load_profile("wolfguard")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--log-mode", action="store_true", help="gateways learn; what is learned fails a test")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--log-mode"):
        # Only here: it loads the installed package, which most tests of the tree do without.
        from tests.log_mode import LogMode

        config.pluginmanager.register(LogMode(), "log-mode")
