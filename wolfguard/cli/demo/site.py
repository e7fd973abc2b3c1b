# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away site: folders, a small PKI, a site file, and the gateway process that serves it.

Owns files under one temporary folder and the gateway's life as a child of this process. Shared by the demo, the
interop tests and the benchmarks, so that all of them run the gateway as `wolfguard run` does. Needs root.
"""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from wolfguard.cli.demo import machine
from wolfguard.config.site import DEFAULT_PROFILE
from wolfguard.crypto.authority import make_authority
from wolfguard.errors import ConfigurationError, StartError
from wolfguard.linux.namespace import Namespace, Topology
from wolfguard.policy.load import load_profile

SERVER_NAMES = ("vpn.example.test", Topology.GATEWAY_V4, Topology.GATEWAY_V6)
START_LIMIT = 30.0


@dataclass
class Site:
    """One gateway's files under `folder`. `document` is the site file as it will be written."""

    folder: Path
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def configuration(self) -> Path:
        return self.folder / "wolfguard.yml"

    @property
    def authority(self) -> Path:
        return self.folder / "pki" / "ca.pem"

    @property
    def control(self) -> Path:
        return self.folder / "run" / "control.sock"

    def prepare(self, **sections: Any) -> None:
        """Makes folders and PKI and writes the site file; `sections` replace its top-level keys."""
        # children reach their folders by name as their own users
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        state = self.folder / "state"
        state.mkdir(exist_ok=True, mode=0o700)
        owner = pwd.getpwnam("wolfguard-sessiond")
        os.chown(state, owner.pw_uid, owner.pw_gid)
        (self.folder / "run").mkdir(exist_ok=True, mode=0o755)
        if not self.authority.exists():
            make_authority(self.folder / "pki", SERVER_NAMES)
        self.document = {**self.defaults(), **sections}
        self.write()

    def write(self) -> None:
        self.configuration.write_text(yaml.safe_dump(self.document, sort_keys=False))

    def defaults(self) -> dict[str, Any]:
        """A dual-stack gateway with one group and short, generous settings for a laboratory."""
        pki = self.folder / "pki"
        return {
            "listeners": [{"address": "0.0.0.0", "port": 443}, {"address": "::", "port": 443}],  # noqa: S104
            "sites": [
                {
                    "name": "default",
                    **_profile(),
                    "certificates": [
                        {"certificate": str(pki / "server-ecdsa.pem"), "key": str(pki / "server-ecdsa.key")},
                        {"certificate": str(pki / "server-rsa.pem"), "key": str(pki / "server-rsa.key")},
                    ],
                    "network": {
                        "ipv4_pool": Topology.INSIDE_V4,
                        "ipv6_pool": Topology.INSIDE_V6,
                        "dns": ["10.99.0.1"],
                        "split_include": ["198.51.100.0/24", "2001:db8:2::/64"],
                    },
                }
            ],
            # tests also ping clients from the network behind the gateway
            "firewall": {"accept_from": ["198.51.100.0/24", "2001:db8:2::/64"]},
            "records": {"target": "file", "path": str(self.folder / "state" / "records.jsonl")},
            **_confinement(),
            "paths": {name: str(self.folder / name) for name in ("state", "run", "keys")},
        }

    def wolfguard(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs the wolfguard command against this gateway."""
        command = [sys.executable, "-I", "-m", "wolfguard.cli", "--socket", str(self.control), *words]
        return subprocess.run(command, input=stdin, check=False, capture_output=True, text=True)


def _profile() -> dict[str, Any]:
    """The crypto profile, where this libwolfssl lacks the hybrid groups of the default one."""
    try:
        load_profile(DEFAULT_PROFILE)
    except ConfigurationError:
        return {"crypto_profile": "fips-strict"}
    return {}


def _confinement() -> dict[str, Any]:
    """The section of the site file, where this machine makes one necessary."""
    words = machine.refused()
    return {"confinement": {"allow": list(words)}} if words else {}


@dataclass
class Gateway:
    """`wolfguard run` in a namespace. Standard error goes to `site.folder/gateway.log`.

    `runner` is a program with its arguments that executes the gateway; none for the gateway itself. `options` are
    further options of `wolfguard run`; `python` is the interpreter whose wolfguard it is.
    """

    site: Site
    namespace: Namespace
    runner: Sequence[str] = ()
    options: Sequence[str] = ()
    python: str = sys.executable
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.site.folder / "gateway.log"

    def start(self) -> float:
        """Starts it and returns the seconds until it said READY. Raises StartError with what it printed."""
        begun = time.monotonic()
        notify = self.site.folder / "notify.sock"
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, self.log.open("ab") as log:
            ready.bind(str(notify))
            command = [self.python, "-I", "-m", "wolfguard.cli", "run", "--config", str(self.site.configuration)]
            self.process = subprocess.Popen(
                self.namespace.inside([*self.runner, *command, *self.options]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "NOTIFY_SOCKET": str(notify)},
            )
            ready.settimeout(0.2)
            while time.monotonic() - begun < START_LIMIT:
                if self.process.poll() is not None:
                    break
                try:
                    if b"READY=1" in ready.recv(4096):
                        return time.monotonic() - begun
                except TimeoutError:
                    continue
        self.stop()
        text = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        raise StartError(f"the gateway did not start; its log says:\n{text}")

    def stop(self, limit: float = 15.0) -> int:
        """SIGTERM, then SIGKILL after `limit` seconds; returns the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.process = None

    def wait(self) -> None:
        """Until it ends by itself."""
        if self.process is not None:
            self.process.wait()

    def reload(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGHUP)
