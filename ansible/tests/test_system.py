# SPDX-License-Identifier: GPL-3.0-or-later
"""Systems that the roles do not know are refused by name, before anything is touched."""

from __future__ import annotations

from pathlib import Path

import plays
import pytest


@pytest.mark.parametrize("role", ["system", "fips", "selinux"])
@pytest.mark.parametrize(("distribution", "version"), [("Fedora", "42"), ("Debian", "11"), ("Ubuntu", "24")])
def test_an_unknown_system(tmp_path: Path, role: str, distribution: str, version: str) -> None:
    facts = {**plays.DEBIAN, "distribution": distribution, "distribution_major_version": version}
    code, output = plays.run(tmp_path, role, facts)
    assert code == 2
    assert f"{distribution} {version} is not supported; supported are: Debian 12, Debian 13" in output
