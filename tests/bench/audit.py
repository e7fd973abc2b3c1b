# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole audit of the default profile costs beside a running gateway, live sweep and a session of a test account
included: time and memory; and over ssh, of one machine and of twenty."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import audit_hosts
from tests.bench.figure import Figure, machine
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.linux.namespace import Topology
from wolfguard.policy.controls import DEFAULT_PROFILE, read_audit_profile

ROUNDS = 5
FAR_ROUNDS = 2
MOST_SECONDS = 10
MOST_MB = 150
PASSWORD = "correct horse battery staple"


def run(rounds: int) -> list[Figure]:
    topology = Topology.named("wgaudit")
    topology.delete()
    topology.add()
    try:
        with tempfile.TemporaryDirectory(prefix="wolfguard-bench-") as folder:
            Path(folder).chmod(0o755)
            site = Site(Path(folder) / "site")
            site.prepare()
            gateway = Gateway(site, topology.gateway)
            gateway.start()
            try:
                login = _account(site)
                audits = [_audit(site, topology, login) for _ in range(rounds)]
                far = audit_hosts.measured(site.control, topology, FAR_ROUNDS)
            finally:
                gateway.stop()
    finally:
        topology.delete()
    rules = len(read_audit_profile(DEFAULT_PROFILE).rules)
    told = f"{rounds} audits of {rules} rules with a session of a test account, default limits, median; {machine()}"
    seconds, megabytes = zip(*audits, strict=True)
    return [
        Figure("audit_s", statistics.median(seconds), "s", f"<= {MOST_SECONDS}", told),
        Figure("audit_s_max", max(seconds), "s", f"<= {MOST_SECONDS}", told),
        Figure("audit_mb", max(megabytes), "MB", f"<= {MOST_MB}", told),
        *far,
    ]


def _account(site: Site) -> Path:
    """A user that the audit logs in as, and the file that says so."""
    result = site.wolfguard("user", "add", "auditor", "--password-stdin", stdin=f"{PASSWORD}\n")
    if result.returncode != 0:
        raise RuntimeError(result.stderr)
    file = site.folder / "login.yml"
    file.write_text(f"user: auditor\nsecrets: [{PASSWORD}]\n")
    file.chmod(0o600)
    return file


def _audit(site: Site, topology: Topology, login: Path) -> tuple[float, float]:
    """Seconds from start to end, and the most memory that it had at a time."""
    command = [sys.executable, "-I", "-m", "wolfguard.cli", "--socket", str(site.control), "audit", "run"]
    command += ["--login", str(login)]
    begun = time.monotonic()
    process = subprocess.Popen(
        topology.gateway.inside([*command, "--fail-on", "never"]), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    _, errors = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(errors.decode(errors="replace"))
    return seconds, usage.ru_maxrss / 1024
