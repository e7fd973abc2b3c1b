# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway in a virtual machine where SELinux enforces: `./bootstrap test --vm`, or this file by itself.

Owns the judgement: every process in its own domain at the start and after a restart, a client's traffic, no denial in
normal work, and a denial by SELinux for everything that a probe tries in a worker's domain and for what the hostile
payload tries in a worker that has no other layer. Takes about four minutes, most of them in an emulated processor, so
it is no part of what CI runs each time.
"""

from __future__ import annotations

import argparse
import errno
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.system.payload.attempts import WORKER
from tests.vm import image
from tests.vm.aarch64 import filters
from tests.vm.appliance import run as appliance
from tests.vm.machine import PROGRAM, Machine
from wolfguard.ipc.dispatch_table import EDGES
from wolfguard.sandbox.processes import PROCESSES

LIMIT_SECONDS = 420.0
SLOTS = 2
PREFIX = "wolfguard_gateway_"
CANNOT_START = 78
# What the policy of a release has no word for: the unit and the filter stop it there, SELinux does not.
UNSTOPPED = {"bookworm": frozenset({"user namespace"})}
# One that needs a backend is not started without it.
RUNNING = {name: process for name, process in PROCESSES.items() if not process.when}
Said = dict[str, Any]


def expected() -> dict[str, str]:
    """Contexts by process and slot, as the manifest names the domains."""
    base = "system_u:system_r:wolfguard_gateway_{}_t:s0"
    found = {"supervisor/0": base.format("supervisor")}
    for process in RUNNING.values():
        for slot in range(SLOTS if process.per_slot else 1):
            category = f":c{slot}" if process.per_slot else ""
            found[f"{process.name}/{slot}"] = base.format(process.name) + category
    return found


def judge(said: list[Said], release: str) -> Iterator[tuple[str, bool, str]]:
    """Name, outcome and detail of every claim about a machine of that release."""
    by = {(entry["what"], entry.get("when", "")): entry for entry in said}

    def fact(what: str, when: str = "") -> Said:
        return by.get((what, when), {})

    yield "the machine came to its end", "end" in {entry["what"] for entry in said}, _failure(said)
    selinux = fact("selinux")
    yield "SELinux enforces", selinux.get("enforce") == "1", f"kernel {selinux.get('kernel')}"
    for when in ("start", "restart"):
        domains = fact("domains", when)
        yield f"domains, {when}", domains.get("contexts") == expected(), json.dumps(domains.get("contexts"), indent=1)
        filtered = {name for name, mode in domains.get("seccomp", {}).items() if mode == "2"}
        yield f"filters, {when}", filtered == set(expected()), " ".join(sorted(filtered))
        yield from _judge_sockets(when, domains.get("sockets", {}))
    connected = fact("connected")
    yield "a client has DTLS", "DTLS" in connected.get("dtls", ""), str(connected.get("dtls"))
    for what in ("connected", "traffic"):
        text = fact(what).get("ping", "")
        yield f"packets, {what}", " 0% packet loss" in text, text.strip().rpartition("\n")[0].rpartition("\n")[2]
    yield "an orderly stop", fact("stopped").get("state") == "Result=success", ""
    denied = "\n".join(entry["text"] for entry in said if entry["what"] == "denials" and entry["text"])
    yield "no denial in normal work", fact("denials") != {} and not denied, denied
    for account, root in (("root", True), ("wolfguard-worker", False)):
        yield from _judge_probe(account, root, fact("probe", account), UNSTOPPED.get(release, frozenset()))
    refused = fact("refused")
    line = refused.get("said", "").strip()
    asked = f"SELinux refuses worker the context system_u:system_r:{PREFIX}keyd_t:s0:c0; load the policy module"
    alone = "\n" not in line and asked in line
    yield "a launcher that is refused its label ends", refused.get("status") == CANNOT_START and alone, line
    yield from _judge_payload(fact("payload"), release)


def _failure(said: list[Said]) -> str:
    failed = [entry for entry in said if entry["what"] == "failed"]
    return "\n".join(text for entry in failed for text in (entry["text"], entry["journal"], entry["denials"]))


def _judge_sockets(when: str, sockets: dict[str, list[str]]) -> Iterator[tuple[str, bool, str]]:
    """Channels are those of the manifest's edges; what a worker has carries its slot's category."""
    for name, found in sockets.items():
        process, _, slot = name.partition("/")
        if process == "supervisor":
            continue
        wanted = {f"{PREFIX}{process}_supervisor_channel_t"}
        edges = [edge[:2] for edge in EDGES if process in edge[:2] and RUNNING.keys() >= set(edge[:2])]
        wanted |= {f"{PREFIX}{'_'.join(edge)}_channel_t" for edge in edges}
        channels = {label.split(":")[0] for label in found if label.split(":")[0].endswith("_channel_t")}
        right = channels == wanted
        if process == "worker":
            own = [label for label in found if label.startswith(PREFIX)]
            right = (
                right
                and f"{PREFIX}outside_t:s0:c{slot}" in own
                and all(label.endswith(f":s0:c{slot}") for label in own)
            )
        yield f"sockets of {name}, {when}", right, " ".join(found)


def _judge_probe(account: str, root: bool, probe: Said, free: frozenset[str]) -> Iterator[tuple[str, bool, str]]:
    answer = json.loads(probe["said"]) if probe.get("said") else {}
    context = f"{answer.get('context')}, uid {answer.get('uid')}"
    right = answer.get("context") == expected()["worker/0"] and (answer.get("uid") == 0) is root
    yield f"probe as {account}", right and bool(answer["acts"] and answer["may"]), context
    by_pid: dict[int, list[str]] = {}
    for line in probe.get("denials", "").splitlines():
        if found := re.search(r"\{ (.*?) \} for  pid=(\d+) .*tcontext=\S+?:\S+?:(\S+?):(\S+) tclass=(\S+)", line):
            permission, pid, target, level, tclass = found.groups()
            by_pid.setdefault(int(pid), []).append(f"{target}:{level}:{tclass} {{ {permission} }}")
    for name, (pid, outcome) in answer.get("acts", {}).items():
        refused = by_pid.get(pid, [])
        right = outcome == "done" and not refused if name in free else outcome == "denied" and bool(refused)
        yield f"{account}: {name}", right, f"{outcome}; {', '.join(refused)}"
    for name, (_, outcome) in answer.get("may", {}).items():
        yield f"{account} may: {name}", outcome == "done", outcome
    yield "the gateway lives on unharmed", probe.get("unharmed") is True, probe.get("errors", "")


def _judge_payload(said: Said, release: str) -> Iterator[tuple[str, bool, str]]:
    """Every attempt has the outcome of the table, and the denials logged are those of the table, in its order."""
    tried = [each for each in WORKER if each.name in said.get("names", [])]
    context = f"{said.get('context')}, {len(tried)} attempts"
    complete = [each.name for each in tried] == said.get("names") and len(said.get("answers", [])) == len(tried)
    yield "the payload in a worker", bool(tried) and complete and said["context"] == expected()["worker/0"], context
    for attempt, answer in zip(tried, said.get("answers", []), strict=False):
        error = errno.errorcode[answer["error"]] if answer.get("error") else ""
        came = str(answer) if "result" not in answer else error or "it can"
        outcome = attempt.on(release)
        yield f"payload: {attempt.name}", "result" in answer and error in outcome.errors, f"{outcome.layer}: {came}"
    found = re.findall(r"\{ (.*?) \} for .* tclass=(\S+)", said.get("denials", ""))
    denied = [f"{kind} {{ {permission} }}" for permission, kind in found]
    wanted = [outcome.denied for outcome in (each.on(release) for each in tried) if outcome.denied]
    yield f"payload: {len(wanted)} denials, in order", bool(wanted) and denied == wanted, ", ".join(denied)
    yield "payload: nobody else is harmed", said.get("unharmed") is True, said.get("errors", "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--permissive", action="store_true", help="let SELinux only log, to see all denials at once")
    parser.add_argument("--release", choices=sorted(image.RELEASES), default="trixie", help="of Debian")
    parser.add_argument("--aarch64", action="store_true", help="try the aarch64 filters on such a kernel instead")
    parser.add_argument("--appliance", action="store_true", help="run the Ansible roles against such a machine instead")
    options = parser.parse_args()
    if options.aarch64:
        return filters.main(image.CACHE / "last-aarch64")
    if shutil.which(PROGRAM) is None:
        print(f"{PROGRAM} is missing: apt-get install --no-install-recommends qemu-system-x86", file=sys.stderr)
        return 2
    if options.appliance:
        return appliance.main(options.release)
    disk, kernel = image.make(options.release)
    machine = Machine(disk, kernel, image.CACHE / f"last-{options.release}", enforcing=not options.permissive)
    machine.report.unlink(missing_ok=True)
    try:
        seconds = machine.run(LIMIT_SECONDS)
    except TimeoutError as error:
        print(f"FAILED  {error}")
        return 1
    said = [json.loads(line) for line in machine.report.read_text("utf-8", "replace").splitlines() if line[:1] == "{"]
    wrong = 0
    for name, right, detail in judge(said, options.release):
        wrong += not right
        print(f"{'ok    ' if right else 'FAILED'}  {name}{': ' + detail if detail else ''}")
    print(f"{wrong} claims failed; the machine ran {seconds:.0f} s; its words: {machine.folder}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
