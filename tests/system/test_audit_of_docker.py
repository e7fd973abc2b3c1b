# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit run --host docker://...` of a container of Docker's own engine: that container is looked at.

The engine comes out of Debian's packages and runs without a bridge, without rules of a firewall and with its files in a
folder of the test; its view of the mounts and its network are its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop import roots
from tests.system.machine import RELEASES, release
from tests.system.whole_gateway import until

NAME = "gw1"
SECONDS = 120.0
ENGINE = """
umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec dockerd --data-root "$1/root" \\
  --exec-root "$1/run" --host "unix://$1/s" --pidfile "$1/pid" --storage-driver vfs --bridge none --iptables=false \\
  --ip6tables=false
"""
# packages that are unpacked and no more; Debian 13 has the client apart
ENGINES = {
    "bookworm": roots.Root("docker-bookworm", "bookworm", ("docker.io",), variant="extract"),
    "trixie": roots.Root("docker-trixie", "trixie", ("docker.io", "docker-cli"), variant="extract"),
}
# what nobody looks at in there makes the image large
LEFT_OUT = tuple(
    f"./{each}"
    for each in (
        "boot",
        "dev",
        "proc",
        "sys",
        "usr/lib/systemd",
        "usr/lib/udev",
        "usr/share",
        "var/cache",
        "var/lib/apt",
    )
)


@dataclass(frozen=True)
class Engine:
    folder: Path
    environment: dict[str, str]

    def docker(self, *words: str, stdin: Any = None) -> str:
        result = subprocess.run(
            ["docker", *words], check=False, capture_output=True, stdin=stdin, timeout=SECONDS, env=self.environment
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.decode()

    def audited(self) -> dict[str, dict[str, Any]]:
        """Findings by rule."""
        command = [sys.executable, "-I", "-m", "wolfguard.cli", "audit", "run", "--fail-on", "never", "--json"]
        command += ["--host", f"docker://{NAME}"]
        result = subprocess.run(command, check=False, capture_output=True, timeout=SECONDS, env=self.environment)
        assert result.returncode == 0, result.stderr
        return {each["rule"]: each for each in json.loads(result.stdout)["findings"]}


@pytest.fixture
def engine() -> Iterator[Engine]:
    packages = roots.make(ENGINES[release()])
    # its sockets have no room for a long path
    folder = Path(tempfile.mkdtemp(prefix="wgdock-", dir="/var/tmp"))
    programs = [str(packages / each) for each in ("usr/sbin", "usr/bin")]
    # the client alone must be found before the machine's; all else would hide the machine's own programs
    (folder / "bin").mkdir()
    (folder / "bin" / "docker").symlink_to(packages / "usr" / "bin" / "docker")
    path = f"{folder}/bin:{os.environ['PATH']}"
    made = Engine(folder, {**os.environ, "PATH": path, "DOCKER_HOST": f"unix://{folder}/s"})
    words = ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", ENGINE, "engine", str(folder)]
    with (folder / "log").open("wb") as log:
        behind = {**os.environ, "PATH": f"{os.environ['PATH']}:{':'.join(programs)}"}
        process = subprocess.Popen(words, stdout=log, stderr=log, env=behind)
    try:
        until((folder / "s").exists, "an engine that hears", SECONDS)
        root = roots.make(RELEASES[release()])
        left_out = [f"--exclude={each}" for each in LEFT_OUT]
        with subprocess.Popen(["tar", "-C", root, "-c", *left_out, "."], stdout=subprocess.PIPE) as packed:
            made.docker("import", "-", "gateway", stdin=packed.stdout)
        made.docker("run", "--detach", "--network", "none", "--name", NAME, "gateway", "sleep", "600")
        yield made
    finally:
        subprocess.run(["docker", "rm", "--force", NAME], check=False, capture_output=True, env=made.environment)
        process.terminate()
        process.wait(SECONDS)
        shutil.rmtree(folder)


def test_it_is_the_container_that_is_looked_at(engine: Engine) -> None:
    before = engine.audited()
    assert before["auth/root-alone-is-root"]["state"] == "pass"
    engine.docker("exec", NAME, "sh", "-c", "echo intruder:x:0:0::/root:/bin/sh >>/etc/passwd")
    after = engine.audited()
    assert after["auth/root-alone-is-root"]["observed"] == ["intruder"]
    changed = {rule for rule, each in after.items() if each["state"] != before[rule]["state"]}
    assert "auth/root-alone-is-root" in changed
    assert len(changed) < 10, changed
    engine.docker("kill", NAME)
    ended = engine.audited()
    assert {each["state"] for each in ended.values()} <= {"error", "manual"}
    assert sum("no such container runs" in each["reason"] for each in ended.values()) > 100
