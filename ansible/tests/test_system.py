# SPDX-License-Identifier: GPL-3.0-or-later
"""Systems that the roles do not know are refused by name, before anything is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ANSIBLE = Path(__file__).resolve().parents[1]
PLAYBOOK = """\
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact:
        distribution: {distribution}
        distribution_major_version: "{version}"
        cacheable: true
    - ansible.builtin.include_role:
        name: system
        apply: {{check_mode: true}}
"""


def refusal(folder: Path, distribution: str, version: str) -> tuple[int, str]:
    playbook = folder / "play.yml"
    playbook.write_text(PLAYBOOK.format(distribution=distribution, version=version))
    program = Path(sys.executable).with_name("ansible-playbook")
    environment = {**os.environ, "ANSIBLE_ROLES_PATH": str(ANSIBLE / "roles"), "ANSIBLE_NOCOLOR": "1"}
    result = subprocess.run(
        [str(program), "-i", "localhost,", str(playbook)],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize(("distribution", "version"), [("Fedora", "42"), ("Debian", "11"), ("Ubuntu", "24")])
def test_an_unknown_system(tmp_path: Path, distribution: str, version: str) -> None:
    code, output = refusal(tmp_path, distribution, version)
    assert code == 2
    assert f"{distribution} {version} is not supported; supported are: Debian 12, Debian 13" in output
