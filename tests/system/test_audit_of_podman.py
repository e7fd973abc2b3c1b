# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit run --host podman://...` of a real container: it is that container which is looked at, with what it
may see, and it ends as errors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop import roots
from tests.system.machine import RELEASES, release

COMMAND = [sys.executable, "-I", "-m", "wolfguard.cli", "audit", "run", "--fail-on", "never", "--json"]
NAME = "gw1"
SECONDS = 120.0
# podman's runtime wants cgroup v2 alone, which not every machine that tests has: a private view of the mounts has it
PODMAN = """#!/bin/sh
exec unshare --mount --propagation private sh -c '
umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec /usr/bin/podman --root {0}/root \\
  --runroot {0}/run --storage-driver vfs --cgroup-manager cgroupfs --events-backend file "$@"' podman "$@"
"""


@dataclass(frozen=True)
class Container:
    folder: Path

    def podman(self, *words: str) -> str:
        command = [str(self.folder / "podman"), *words]
        result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def audited(self) -> dict[str, dict[str, Any]]:
        """Findings by rule, with this podman as the first on the way."""
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"}
        command = [*COMMAND, "--host", f"podman://{NAME}"]
        result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS, env=environment)
        assert result.returncode == 0, result.stderr
        return {each["rule"]: each for each in json.loads(result.stdout)["findings"]}


@pytest.fixture
def container() -> Iterator[Container]:
    # its sockets have no room for a long path
    folder = Path(tempfile.mkdtemp(prefix="wgpod-"))
    made = Container(folder)
    (folder / "podman").write_text(PODMAN.format(folder))
    (folder / "podman").chmod(0o755)
    root = roots.make(RELEASES[release()])
    limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
    try:
        made.podman(
            "run", "--detach", "--name", NAME, "--cgroups=disabled", "--network=none", *limits,
            "--rootfs", f"{root}:O", "sleep", "600",
        )  # fmt: skip
        yield made
    finally:
        subprocess.run([folder / "podman", "rm", "--force", "--time", "0", NAME], check=False, capture_output=True)
        end = time.monotonic() + SECONDS
        while folder.exists():  # a process of podman's own cleans up behind it, and writes there meanwhile
            assert time.monotonic() < end
            shutil.rmtree(folder, ignore_errors=True)


def test_it_is_the_container_that_is_looked_at(container: Container) -> None:
    before = container.audited()
    assert before["auth/root-alone-is-root"]["state"] == "pass"
    assert before["host/passwd-not-writable"]["state"] == "pass"
    for line, file in (("intruder:x:0:0::/root:/bin/sh", "passwd"), ("intruder::19000:0:99999:7:::", "shadow")):
        container.podman("exec", NAME, "sh", "-c", f"echo {line} >>/etc/{file}")
    container.podman("exec", NAME, "chmod", "666", "/etc/passwd")
    after = container.audited()
    for rule in ("auth/root-alone-is-root", "auth/no-empty-passwords", "host/passwd-not-writable"):
        assert after[rule]["state"] == "fail", after[rule]
    assert after["auth/root-alone-is-root"]["observed"] == ["intruder"]
    changed = {rule for rule, each in after.items() if each["state"] != before[rule]["state"]}
    assert len(changed) < 10, changed
    for rule, each in after.items():
        if each["look"]["probe"] in ("gateway", "confinement", "firewall", "handshake"):
            assert each["state"] in ("error", "not-applicable"), rule


def test_one_that_has_ended(container: Container) -> None:
    container.podman("kill", NAME)
    found = container.audited()
    assert {each["state"] for each in found.values()} <= {"error", "manual"}
    assert sum(f"{NAME} cannot be looked at: " in each["reason"] for each in found.values()) > 100
