# SPDX-License-Identifier: GPL-3.0-or-later
"""One role against this very host in check mode, with facts that the test makes up: what the role refuses, and how."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ANSIBLE = Path(__file__).resolve().parents[1]
DEBIAN = {
    "distribution": "Debian",
    "distribution_major_version": "13",
    "virtualization_role": "host",
    "virtualization_type": "kvm",
}


def run(
    folder: Path, role: str, facts: Mapping[str, str] = DEBIAN, *, ground: str = "", **variables: Any
) -> tuple[int, str]:
    """Exit code and output of a play of that role alone. `ground`: a script that mounts what the machine shows, in a
    mount namespace of the play's own."""
    tasks = [
        {"ansible.builtin.set_fact": {**facts, "cacheable": True}},
        {"ansible.builtin.include_role": {"name": role}, "vars": variables},
    ]
    playbook = folder / "play.yml"
    playbook.write_text(
        json.dumps([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}])
    )
    program = Path(sys.executable).with_name("ansible-playbook")
    # of several Pythons the one that apt's module is for
    python = {"ansible_python_interpreter": "/usr/bin/python3"}
    environment = {**os.environ, "ANSIBLE_ROLES_PATH": str(ANSIBLE / "roles"), "ANSIBLE_NOCOLOR": "1"}
    around = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'set -e; {ground}\nexec "$@"', "ground"]
    result = subprocess.run(
        [
            *(around if ground else []),
            str(program),
            "--check",
            "-i",
            "localhost,",
            "-e",
            json.dumps(python),
            str(playbook),
        ],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    return result.returncode, " ".join((result.stdout + result.stderr).split())
