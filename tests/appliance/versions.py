# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources of other versions of the gateway than this tree, for the scenarios `upgrade` and `default`.

    python -m tests.appliance.versions MACHINE KIND

Each is this tree under a number of its own; some have a defect that a real version could have, and one is for a FIPS
bundle that is none. Owns the folder
`versions` beside what is known of a machine. Must not know how a version is installed.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import yaml

from tests.appliance.machine import STATE
from tests.appliance.store import TREE
from tests.unit.fips import fake_bundle

GATEWAY: Final = TREE / "ansible" / "roles" / "gateway" / "vars" / "main.yml"


def nothing(tree: Path) -> None:
    """It is as good as this one."""


def does_not_compile(tree: Path) -> None:
    with (tree / "wolfguard" / "engine" / "native" / "engine.c").open("a") as file:
        file.write("this is no C\n")


def no_worker(tree: Path) -> None:
    """Its workers end at their start."""
    (tree / "wolfguard" / "procs" / "worker" / "__main__.py").write_text("raise SystemExit(9)\n")


def weaker_unit(tree: Path) -> None:
    """It serves, but the audit has something to say about its unit."""
    unit = tree / "systemd" / "wolfguard-gateway.service"
    unit.write_text(unit.read_text("utf-8").replace("ProtectSystem=strict\n", "").replace("NoNewPrivileges=yes\n", ""))


def for_a_made_up_module(tree: Path) -> None:
    """Its patch of wolfSSL fits the tree that tests/unit/fips/fake_bundle.py makes up."""
    for patch in (tree / "fips" / "patches").glob("*.patch"):
        patch.unlink()
    (tree / "fips" / "patches" / "0001-outside.patch").write_text(fake_bundle.PATCH.lstrip())


KINDS: Final[Mapping[str, tuple[str, Callable[[Path], None]]]] = {
    "before": ("0.0.1", nothing),
    "does-not-compile": ("9.0.1", does_not_compile),
    "no-worker": ("9.0.2", no_worker),
    "weaker-unit": ("9.0.3", weaker_unit),
    "for-a-made-up-module": ("9.0.4", for_a_made_up_module),
}


def make(machine: str, kind: str) -> Path:
    """The version's tree, whole as the role packs it."""
    number, change = KINDS[kind]
    target = STATE / machine / "versions" / kind
    shutil.rmtree(target, ignore_errors=True)
    for part in yaml.safe_load(GATEWAY.read_text("utf-8"))["__gateway_parts"].split():
        here, there = TREE / part, target / part
        there.parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            shutil.copytree(here, there, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(here, there)
    project = target / "pyproject.toml"
    text = project.read_text("utf-8")
    project.write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{number}"', text, count=1), "utf-8")
    change(target)
    return target


if __name__ == "__main__":
    match sys.argv[1:]:
        case [name, word] if word in KINDS:
            print(make(name, word))
        case _:
            sys.exit(str(__doc__))
