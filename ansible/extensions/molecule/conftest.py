# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine of a scenario for testinfra, entered by its namespaces: neither Ansible nor ssh between."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from testinfra.backend import base
from testinfra.host import Host

CACHE = Path(os.environ.get("WOLFGUARD_CACHE", "/var/cache/wolfguard-gateway"))
MACHINES = CACHE / "appliance" / "machines"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--machine", required=True, help="name of the scenario's machine")


class Namespaces(base.BaseBackend):  # type: ignore[misc] # testinfra comes without types
    NAME = "namespaces"

    def __init__(self, leader: str) -> None:
        self.leader = leader
        super().__init__(hostname="namespaces")

    def run(self, command: str, *args: str, **kw: Any) -> base.CommandResult:
        script = self.get_command(command, *args)
        return self.run_local("nsenter -t %s -m -u -i -n -p -C -- /bin/sh -c %s", self.leader, script)


@pytest.fixture(scope="session")
def folder(request: pytest.FixtureRequest) -> Path:
    """What the controller has of the machine: its leader, fetched reports and certificates."""
    return MACHINES / str(request.config.getoption("--machine"))


@pytest.fixture(scope="session")
def host(folder: Path) -> Host:
    return Host(Namespaces((folder / "leader").read_text().strip()))
