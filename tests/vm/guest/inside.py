# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside the virtual machine when the gateway serves: looks, connects, breaks, probes; writes what it saw.

One JSON object a line goes to the serial port that is its argument; who judges is run.py on the other side. Owns the
ground for a client in namespaces beside the gateway, which serves in the machine's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wolfguard.cli.demo.client import Client
from wolfguard.linux.namespace import Namespace, run

# Isolated mode leaves this file's own folder out.
sys.path.append(str(Path(__file__).parent))

import payload  # type: ignore[import-not-found]

PREFIX = Path("/opt/wolfguard-gateway")
AUDIT = Path("/var/log/audit/audit.log")
PASSWORD = "correct horse battery staple"
SECONDS = 60.0


class Ground(Namespace):
    """Entered by nsenter: `ip netns exec` has a domain of its own, in which a client could not do its work."""

    def inside(self, command: Sequence[str]) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.name}", *command]


CLIENT, UPSTREAM = Ground("client"), Ground("upstream")


class Report:
    def __init__(self, path: str) -> None:
        self._file = open(path, "w", encoding="utf-8")  # noqa: SIM115

    def say(self, what: str, **facts: Any) -> None:
        self._file.write(json.dumps({"what": what, **facts}) + "\n")
        self._file.flush()


def main() -> None:
    report = Report(sys.argv[1])
    try:
        prove(report)
        report.say("end")
    except BaseException:
        report.say("failed", text=traceback.format_exc(), journal=journal(), denials=denials(""))
        raise


def prove(report: Report) -> None:
    report.say("selinux", enforce=Path("/sys/fs/selinux/enforce").read_text("ascii"), kernel=os.uname().release)
    report.say("domains", when="start", **domains())
    ground()
    said = wolfguard("user", "add", "alice", "--password-stdin", stdin=PASSWORD + "\n")
    report.say("user", text=said)
    client = Client(
        CLIENT, "https://203.0.113.1", Path("/opt/proof/ca.pem"), "alice", (PASSWORD,),
        program="/opt/proof/bin/openconnect", dtls=True,
    )  # fmt: skip
    inside = client.connect(SECONDS)
    suite = client.wait_dtls(SECONDS)
    report.say("connected", address=inside, dtls=suite, **ping())
    for name in ("netd", "keyd", "worker"):
        restart(name)
    report.say("domains", when="restart", **domains())
    report.say("traffic", after="restart", **ping())
    run("systemctl", "reload", "wolfguard-gateway.service")
    until(lambda: json.loads(wolfguard("status", "--json"))["generation"] == 2, "a reload")
    client.stop()
    report.say("sessions", text=wolfguard("sessions", "--json"), events=wolfguard("events", "--json")[-2000:])
    report.say("denials", text=denials("wolfguard_gateway"))
    for account in ("root", "wolfguard-worker"):
        began = len(AUDIT.read_bytes())
        answer = probe(account)
        report.say("probe", when=account, denials=denials("wolfguard_gateway_worker_t", began), **answer)
    report.say("refused", **refused())
    began = len(AUDIT.read_bytes())
    run("systemctl", "stop", "wolfguard-gateway.service")
    report.say("stopped", state=run("systemctl", "show", "-p", "Result", "wolfguard-gateway.service").strip())
    report.say("denials", text=denials("wolfguard_gateway", began))
    report.say("payload", **attack())


def attack() -> dict[str, Any]:
    """The hostile payload in a worker without a filter of system calls; the gateway is started from its unit for it."""
    payload.unconfine(launcher().parents[1])
    run("systemctl", "start", "wolfguard-gateway.service")
    processes = pids()
    worker = processes["worker/0"]
    facts = {"context": context(worker), "seccomp": seccomp(worker)}
    began = len(AUDIT.read_bytes())
    answer = payload.attack(worker, processes["worker/1"], supervisor())
    others = {name: pid for name, pid in processes.items() if name != "worker/0"}
    unharmed = {name: pid for name, pid in pids().items() if name != "worker/0"} == others
    return {**facts, **answer, "unharmed": unharmed, "denials": denials("wolfguard_gateway_worker_t", began)}


def domains() -> dict[str, Any]:
    """Contexts by process, workers with their slot."""
    status = serving()
    found = {f"{entry['process']}/{entry['slot']}": entry["pid"] for entry in status["processes"]}
    found["supervisor/0"] = supervisor()
    return {
        "contexts": {name: context(pid) for name, pid in found.items()},
        "seccomp": {name: seccomp(pid) for name, pid in found.items()},
        "sockets": {name: sockets(pid) for name, pid in found.items()},
    }


def supervisor() -> int:
    return int(run("systemctl", "show", "-P", "MainPID", "wolfguard-gateway.service"))


def seccomp(pid: int) -> str:
    found = re.search(r"^Seccomp:\s(\d)", Path(f"/proc/{pid}/status").read_text("ascii"), re.MULTILINE)
    return found.group(1) if found else ""


def context(pid: int) -> str:
    return Path(f"/proc/{pid}/attr/current").read_text("ascii").strip("\n\0")


def sockets(pid: int) -> list[str]:
    """Types and levels of all sockets that the process has."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if descriptor.readlink().name.startswith("socket:"):
                label = os.getxattr(descriptor, "security.selinux").decode("ascii").strip("\0")
                found.add(label.split(":", 2)[2])
    return sorted(found)


def serving() -> dict[str, Any]:
    """The gateway's status, when all of it serves."""
    found: dict[str, Any] = {}

    def ready() -> bool:
        found.clear()
        found.update(json.loads(wolfguard("status", "--json")))
        return {entry["state"] for entry in found["processes"]} == {"serving"}

    until(ready, "all processes serve")
    return found


def pids() -> dict[str, int]:
    return {f"{entry['process']}/{entry['slot']}": entry["pid"] for entry in serving()["processes"]}


def restart(name: str) -> None:
    pid = pids()[f"{name}/0"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: pids()[f"{name}/0"] != pid, f"{name} is back")


def until(condition: Any, what: str) -> None:
    end = time.monotonic() + SECONDS
    last = ""
    while True:
        try:
            if condition():
                return
        except RuntimeError as error:
            last = str(error)
        if time.monotonic() > end:
            raise TimeoutError(f"not within {SECONDS:g} s: {what}; {last}")
        time.sleep(0.2)


def ground() -> None:
    """client -- gateway (this machine) -- upstream."""
    for namespace, device, here, there, route in (
        (CLIENT, "outside", "203.0.113.1", "203.0.113.2", "default"),
        (UPSTREAM, "core", "198.51.100.1", "198.51.100.2", "10.99.0.0/16"),
    ):
        namespace.add()
        run("ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", namespace.name)
        run("ip", "address", "add", f"{here}/24", "dev", device)
        run("ip", "link", "set", device, "up")
        namespace.run("ip", "link", "set", "eth0", "up")
        namespace.address("eth0", f"{there}/24")
        namespace.route(route, here)


def ping() -> dict[str, str]:
    said = subprocess.run(
        CLIENT.inside(["ping", "-n", "-c", "40", "-i", "0.05", "-w", "40", "198.51.100.2"]),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {"ping": said.stdout[-300:] + said.stderr[-300:]}


def launcher() -> Path:
    return next((PREFIX / "lib").glob("python3.*/site-packages/wolfguard/libexec/wolfguard-worker"))


def probe(account: str) -> dict[str, Any]:
    workers = pids()
    asked = {
        "sibling": workers["worker/1"], "same": workers["worker/0"], "sessiond": workers["sessiond/0"],
        "keyd": workers["keyd/0"], "supervisor": supervisor(), "launcher": str(launcher()),
        "names": [] if account == "root" else ["signal the other worker", "signal the worker of the same slot"],
    }  # fmt: skip
    become = [] if account == "root" else ["setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups"]
    said = subprocess.run(
        [*become, "runcon", "system_u:system_r:wolfguard_gateway_worker_t:s0:c0", "/opt/proof/bin/probe"],
        input=json.dumps(asked) + "\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {
        "status": said.returncode,
        "said": said.stdout,
        "errors": said.stderr[-2000:],
        "unharmed": pids() == workers,
    }


def refused() -> dict[str, Any]:
    """A worker's launcher in a domain that may choose no label: another launcher's."""
    folder = Path("/opt/proof/refused")
    folder.mkdir()
    copy = folder / "wolfguard-worker"
    shutil.copy(launcher(), copy)
    run("chcon", "system_u:object_r:wolfguard_gateway_keyd_exec_t:s0", str(copy))
    said = subprocess.run(
        ["runcon", "system_u:system_r:wolfguard_gateway_keyd_launch_t:s0", copy, "/usr/bin/python3", "0"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {"status": said.returncode, "said": said.stderr}


def denials(words: str, start: int = 0) -> str:
    lines = AUDIT.read_bytes()[start:].decode(errors="replace").splitlines() if AUDIT.exists() else []
    return "\n".join(line for line in lines if re.search(r"^type=(USER_)?(AVC|SELINUX_ERR)\b", line) and words in line)


def wolfguard(*words: str, stdin: str | None = None) -> str:
    command = [str(PREFIX / "bin" / "wolfguard"), *words]
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {result.stderr}")
    return result.stdout


def journal() -> str:
    return subprocess.run(
        ["journalctl", "-b", "--no-pager", "-n", "60", "-u", "wolfguard-gateway"],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip


if __name__ == "__main__":
    main()
