# SPDX-License-Identifier: GPL-3.0-or-later
"""Systems that the roles do not know are refused by name, before anything is touched; so are bundles for others."""

from __future__ import annotations

from pathlib import Path

import plays
import pytest
import test_bundle


@pytest.mark.parametrize("role", ["system", "fips", "selinux"])
@pytest.mark.parametrize(("distribution", "version"), [("Fedora", "42"), ("Debian", "11"), ("Ubuntu", "24")])
def test_an_unknown_system(tmp_path: Path, role: str, distribution: str, version: str) -> None:
    facts = {**plays.DEBIAN, "distribution": distribution, "distribution_major_version": version}
    code, output = plays.run(tmp_path, role, facts)
    assert code == 2
    assert f"{distribution} {version} is not supported; supported are: Debian 12, Debian 13" in output


@pytest.mark.parametrize(
    ("facts", "of", "here"),
    [
        ({"architecture": "x86_64"}, "arm64", "amd64"),
        ({"architecture": "aarch64"}, "amd64", "arm64"),
        ({"architecture": "riscv64"}, "arm64", "riscv64"),
    ],
)
def test_a_bundle_for_another_architecture(tmp_path: Path, facts: dict[str, str], of: str, here: str) -> None:
    listed = {
        **test_bundle.listed(test_bundle.FILES),
        "system": {"title": "Debian 13", "architecture": of},
    }
    bundle = tmp_path / "bundle.tar"
    bundle.write_bytes(test_bundle.packed(listed, test_bundle.FILES))
    code, output = plays.run(tmp_path, "system", {**plays.DEBIAN, **facts}, wolfguard_bundle=str(bundle))
    assert code == 2
    assert f"the bundle {bundle} is refused: it is for {of}, and this machine is {here}" in output
    assert "changed=0" in output
