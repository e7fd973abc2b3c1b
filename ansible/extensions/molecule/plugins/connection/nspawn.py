# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection `nspawn`: into a container of systemd-nspawn on this host, by the namespaces of its first process.

Owns nothing of the container's life. For root alone.
"""

from __future__ import annotations

import shlex
import subprocess

from ansible.errors import AnsibleError
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: nspawn
short_description: run in a container of systemd-nspawn
description: [Enters the namespaces of the container's first process.]
options:
  leader:
    description: number of that process on this host
    type: int
    required: true
    vars: [{name: ansible_nspawn_leader}]
"""


class Connection(ConnectionBase):  # type: ignore[misc] # Ansible comes without types
    """Files travel through the standard input and output of cat."""

    transport = "nspawn"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        environment = [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "LANG=C.UTF-8",
        ]
        words = ["nsenter", f"--target={self.get_option('leader')}", *namespaces, "--", "env", "-i", *environment]
        result = subprocess.run([*words, "/bin/sh", "-c", cmd], input=in_data or b"", capture_output=True, check=False)
        return result.returncode, result.stdout, result.stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        with open(in_path, "rb") as stream:
            self._copied(f"cat >{shlex.quote(out_path)}", stream.read())

    def fetch_file(self, in_path: str, out_path: str) -> None:
        content = self._copied(f"cat {shlex.quote(in_path)}", b"")
        with open(out_path, "wb") as stream:
            stream.write(content)

    def _copied(self, command: str, content: bytes) -> bytes:
        code, output, errors = self.exec_command(command, content)
        if code != 0:
            raise AnsibleError(errors.decode(errors="replace"))
        return output

    def close(self) -> None:
        self._connected = False
