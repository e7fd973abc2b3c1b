# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of a scenario's machine that outlives the command: openconnect, and a ping through its tunnel.

    python -m tests.appliance.client up MACHINE [COOKIE]
    python -m tests.appliance.client login MACHINE USER
    python -m tests.appliance.client down MACHINE

Owns the networks around the machine and two programs in them, whose output lies beside what is known of the machine:
`client.log` and `ping.log`, in which every line has its time. `up` logs in as alice, or comes back with the cookie that
stands in the file COOKIE; `login` logs in without connecting, and prints the cookie.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.appliance.machine import STATE, leader
from wolfguard.linux.namespace import Topology, run

NAME: Final = "vpn.example.org"
PASSWORD: Final = "correct horse battery staple"
SCRIPT: Final = '/usr/share/vpnc-scripts/vpnc-script; echo "script finished: $reason"'
CONNECT_SECONDS: Final = 60.0
PINGS_A_SECOND: Final = 20


def topology(machine: str) -> Topology:
    return Topology.named(machine)


def up(machine: str, cookie: str = "") -> None:
    """Raises RuntimeError with what the client said when it does not connect."""
    around = _networks(machine)
    words = [
        *_openconnect(machine), "--interface=tun0", f"--script={SCRIPT}", "--verbose", "--timestamp",
        "--reconnect-timeout=60", "--no-dtls",
    ]  # fmt: skip
    words += ["--cookie-on-stdin"] if cookie else ["--user=alice", "--passwd-on-stdin"]
    log = STATE / machine / "client.log"
    _start(machine, "client", around.client.inside([*words, f"https://{NAME}"]), f"{cookie or PASSWORD}\n")
    end = time.monotonic() + CONNECT_SECONDS
    while "script finished: connect" not in log.read_text(errors="replace"):
        if time.monotonic() > end:
            raise RuntimeError(f"not connected: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)
    words = ["ping", "-n", "-D", "-i", str(1 / PINGS_A_SECOND), Topology.UPSTREAM_V4]
    _start(machine, "ping", around.client.inside(words))


def login(machine: str, user: str) -> str:
    """The cookie of a session that nobody is connected to. Raises RuntimeError with what the client said."""
    around = _networks(machine)
    words = [*_openconnect(machine), "--authenticate", f"--user={user}", "--passwd-on-stdin", f"https://{NAME}"]
    result = subprocess.run(
        around.client.inside(words), input=f"{PASSWORD}\n", check=False, capture_output=True, text=True
    )
    found = re.search(r"^COOKIE='([^']+)'", result.stdout, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{user} is not logged in: {result.stderr[-2000:]}")
    return found[1]


def answers(machine: str) -> list[float]:
    """When answers came through the tunnel, in Unix seconds."""
    said = (STATE / machine / "ping.log").read_text(errors="replace")
    return [float(number) for number in re.findall(r"^\[([\d.]+)\] .* ttl=", said, re.MULTILINE)]


def down(machine: str) -> None:
    """Ends both; what is not there is no error."""
    for name in ("ping", "client"):
        file = STATE / machine / f"{name}.pid"
        if not file.exists():
            continue
        pid = int(file.read_text())
        # only what is still ours: the number may be somebody else's by now
        if _command(pid)[:3] == ["ip", "netns", "exec"] or _namespace(pid) == _inode(topology(machine).client.name):
            os.kill(pid, signal.SIGINT)
        file.unlink()
    topology(machine).delete()


def _networks(machine: str) -> Topology:
    """Around the machine, where they are not there yet."""
    around = topology(machine)
    if _inode(around.client.name) < 0:
        run("ip", "netns", "attach", around.gateway.name, str(leader(machine)))
        around.surround()
        around.settle()
    return around


def _openconnect(machine: str) -> list[str]:
    """Not cli.demo.client: the tree in which this runs has no native part of the package."""
    (authority,) = (STATE / machine / "pki").glob("*-ca.pem")
    return ["openconnect", "--protocol=anyconnect", f"--cafile={authority}", f"--resolve={NAME}:{Topology.GATEWAY_V4}"]


def _start(machine: str, name: str, command: list[str], stdin: str = "") -> None:
    with (STATE / machine / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    assert process.stdin is not None
    process.stdin.write(stdin.encode())
    process.stdin.close()
    (STATE / machine / f"{name}.pid").write_text(str(process.pid))


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []


def _namespace(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return -1


def _inode(name: str) -> int:
    try:
        return os.stat(f"/run/netns/{name}").st_ino
    except OSError:
        return -2


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["up", name]:
            up(name)
        case ["up", name, file]:
            up(name, Path(file).read_text("ascii").strip())
        case ["login", name, user]:
            print(login(name, user))
        case ["down", name]:
            down(name)
        case _:
            sys.exit(str(__doc__))
