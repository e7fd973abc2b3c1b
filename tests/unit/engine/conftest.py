# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the data plane's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.engine.gateway import Gateway
from wolfguard.crypto.authority import Authority, make_authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("pki"), ["vpn.example.test"])


@pytest.fixture
def gateway(authority: Authority) -> Iterator[Gateway]:
    made = Gateway.start(authority)
    yield made
    made.stop()
