# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests of the Ansible roles: ansible-lint, the judgement of variables, molecule's scenarios.

`./bootstrap test --molecule [SCENARIO...]` calls it with the environment that holds Ansible's tools beside the
package's own; without a word it runs every scenario.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
ANSIBLE = TREE / "ansible"
TOOLS = Path(sys.prefix) / "molecule" / "bin"


def scenarios() -> list[str]:
    return sorted(path.parent.name for path in (ANSIBLE / "extensions" / "molecule").glob("*/molecule.yml"))


def commands(chosen: Sequence[str]) -> list[list[str]]:
    quiet = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(ANSIBLE)]
    return [
        [str(TOOLS / "ansible-lint")],
        [str(TOOLS / "python"), "-m", "pytest", *quiet, str(ANSIBLE / "tests")],
        *([str(TOOLS / "molecule"), "test", "--scenario-name", name] for name in chosen or scenarios()),
    ]


def main() -> int:
    environment = {
        **os.environ,
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "WOLFGUARD_PYTHON": sys.executable,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for command in commands(sys.argv[1:]):
        print(f"== {' '.join([Path(command[0]).name, *command[1:]])}", flush=True)
        begun = time.monotonic()
        code = subprocess.run(command, cwd=ANSIBLE, env=environment, check=False).returncode
        print(f"== {'ok' if code == 0 else f'FAILED ({code})'}, {time.monotonic() - begun:.0f} s", flush=True)
        if code != 0:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
