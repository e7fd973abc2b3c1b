# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version a supervisor may start processes of: by folders as an update lays them."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from types import ModuleType

import pytest

from wolfguard.errors import LocalError
from wolfguard.procs.supervisor.installed import Program, installed, version

PACKAGES = Path("lib/python3.13/site-packages")
MODULES = {"wolfguard/a.py": "A = 1\n", "wolfguard/b.py": "B = 1\n"}


def lay(prefix: Path, number: str = "1.0") -> Path:
    packages = prefix / PACKAGES
    for name, text in MODULES.items():
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text(text)
    about = packages / f"wolfguard_gateway-{number}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: wolfguard-gateway\nVersion: {number}\n")
    launchers = packages / "wolfguard" / "libexec"
    launchers.mkdir()
    (launchers / "wolfguard-worker").write_text("")
    for path in (prefix, *prefix.rglob("*")):
        path.chmod(0o755)
    return prefix


def own(prefix: Path) -> Program:
    return Program(prefix / PACKAGES / "wolfguard" / "libexec", str(prefix / "bin" / "python"), "1.0")


def loaded(prefix: Path) -> list[ModuleType]:
    modules = []
    for name in MODULES:
        module = ModuleType(name.removesuffix(".py").replace("/", "."))
        module.__file__ = str(prefix / PACKAGES / name)
        modules.append(module)
    # one that is not a file, and one of Python's own
    other = ModuleType("other")
    other.__file__ = os.__file__
    return [*modules, ModuleType("none"), other]


def found(prefix: Path, since: float | None = None) -> Program:
    return installed(own(prefix), prefix, time.time() + 1 if since is None else since, loaded(prefix))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in ("1.0", "1.1"):
        lay(tmp_path / "versions" / number, number)
    (tmp_path / "current").symlink_to("versions/1.1")
    return tmp_path


def test_the_one_that_the_link_names(root: Path) -> None:
    program = found(root / "versions" / "1.0")
    there = root / "versions" / "1.1"
    assert program == Program(there / PACKAGES / "wolfguard" / "libexec", str(there / "bin" / "python"), "1.1")


def test_the_only_one_is_itself(tmp_path: Path) -> None:
    prefix = lay(tmp_path / "flat")
    assert found(prefix).launchers == own(prefix).launchers
    with pytest.raises(LocalError, match=r"needs another supervisor \(wolfguard.a, wolfguard.b\)"):
        found(prefix, since=time.time() - 60)


def test_every_module_that_it_has_loaded_must_be_the_same(root: Path) -> None:
    prefix, other = root / "versions" / "1.0", root / "versions" / "1.1" / PACKAGES / "wolfguard"
    (other / "c.py").write_text("whatever it has not loaded\n")
    found(prefix)
    (other / "b.py").write_text("B = 2\n")
    with pytest.raises(LocalError, match=r"\(wolfguard.b\): end the gateway with `wolfguard stop --keep-sessions`"):
        found(prefix)
    shutil.rmtree(other)
    with pytest.raises(LocalError, match="another supervisor"):
        found(prefix)


def test_a_link_that_leads_nowhere_or_out(root: Path) -> None:
    prefix, link = root / "versions" / "1.0", root / "current"
    for target, text in (("versions/9", "cannot follow"), (str(lay(root / "other" / "1.1")), "is not in")):
        link.unlink()
        link.symlink_to(target)
        with pytest.raises(LocalError, match=text):
            found(prefix)
    link.unlink()
    with pytest.raises(LocalError, match="cannot follow"):
        found(prefix)


@pytest.mark.parametrize(
    "name", ["", f"{PACKAGES}/wolfguard/libexec", f"{PACKAGES}/wolfguard/libexec/wolfguard-worker"]
)
def test_what_others_can_write_is_not_executed(root: Path, name: str) -> None:
    (root / "versions" / "1.1" / name).chmod(0o775)
    with pytest.raises(LocalError, match="can be written by others than root"):
        found(root / "versions" / "1.0")


def test_no_version(tmp_path: Path) -> None:
    assert version(tmp_path) == "not installed"
