# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit run --host ssh://... --sudo` through a real sudo: a user whom it lets through sees what root sees, and
one whom it asks for a password gets errors that say what to do, at once.

The machine is a root file system with a real ssh server, in which users and sudo's files live in memory alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop import roots
from tests.system.whole_gateway import until
from wolfguard.linux.namespace import Namespace

PACKAGES = ("openssh-server", "python3", "sudo")
RELEASES = {name: roots.Root(f"sudo-{name}", name, PACKAGES) for name in ("bookworm", "trixie")}
PORT = 2222
SOON = 60.0
# $1 is the public key of whoever comes
SERVER = """
set -e
mkdir -p /run/sshd /run/keys
cp -a /etc /run/etc
mount --bind /run/etc /etc
printf '%s\\n' "$1" >/run/keys/authorized
for user in free asked; do useradd --home-dir /run/$user --create-home --shell /bin/sh $user; done
echo 'asked:a password that nobody types' | chpasswd
passwd --lock free >/dev/null
echo 'free ALL=(root) NOPASSWD: ALL' >/etc/sudoers.d/free
echo 'asked ALL=(root) ALL' >/etc/sudoers.d/asked
chmod 0440 /etc/sudoers.d/free /etc/sudoers.d/asked
exec /usr/sbin/sshd -D -e -f /dev/null -o Port=2222 -o ListenAddress=127.0.0.1 -o PasswordAuthentication=no \\
  -o AuthorizedKeysFile=/run/keys/authorized -o StrictModes=no -o UsePAM=yes -o PidFile=none
"""


@dataclass(frozen=True)
class Machine:
    namespace: Namespace
    folder: Path

    def audited(self, user: str, *words: str) -> dict[str, dict[str, Any]]:
        """Findings by rule."""
        config = self.folder / f"config-{user}"
        config.write_text(
            f"Host gw1\n  HostName 127.0.0.1\n  Port {PORT}\n  User {user}\n  IdentityFile {self.folder}/user\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {self.folder}/known\n  GlobalKnownHostsFile none\n"
        )
        command = [sys.executable, "-I", "-m", "wolfguard.cli", "audit", "run", "--fail-on", "never", "--json"]
        command += ["--profile", "cis-debian12", "--host", "ssh://gw1", "--ssh-config", str(config)]
        inside = self.namespace.inside([*command, "--host-keys", "accept-new", *words])
        result = subprocess.run(inside, check=False, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return {each["rule"]: each for each in json.loads(result.stdout)["findings"]}


@contextmanager
def server(machine: Machine, root: Path) -> Iterator[None]:
    public = (machine.folder / "user.pub").read_text().strip()
    words = [*roots.enter(root), "/bin/sh", "-c", SERVER, "server", public]
    log = machine.folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(machine.namespace.inside(words), stdout=stream, stderr=stream)
    try:
        until(lambda: "listening" in log.read_text(errors="replace"), "an ssh server", SOON)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(params=RELEASES)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    root = roots.make(RELEASES[request.param])
    namespace = Namespace(f"wgu{os.getpid()}-{request.param}"[:15])
    namespace.delete()
    namespace.add()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "user"], check=True)
    made = Machine(namespace, tmp_path)
    try:
        with server(made, root):
            yield made
    finally:
        namespace.delete()


def test_whom_sudo_lets_through_sees_what_root_sees(machine: Machine) -> None:
    through = machine.audited("free", "--sudo")
    assert through["auth/passwords-in-shadow"]["state"] == "pass"
    assert through["auth/sudo-asks"]["observed"] == ["/etc/sudoers.d/free: line 1"]
    alone = machine.audited("free")
    assert alone["auth/passwords-in-shadow"]["state"] == "error"
    assert "Permission denied" in alone["auth/passwords-in-shadow"]["reason"]


def test_a_sudo_that_wants_a_password_is_an_error_that_says_what_to_do(machine: Machine) -> None:
    begun = time.monotonic()
    found = machine.audited("asked", "--sudo")
    assert time.monotonic() - begun < SOON
    assert {each["state"] for each in found.values()} == {"error"}
    assert {"NOPASSWD" in each["reason"] for each in found.values()} == {True}
