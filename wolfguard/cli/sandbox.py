# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard sandbox`: the confinement of each process in words, from what is installed. The gateway need not run."""

from __future__ import annotations

import platform
import textwrap
from collections.abc import Iterator
from typing import Any, Final

import click

from wolfguard.cli import output
from wolfguard.cli.failure import CommandError
from wolfguard.cli.options import as_json, examples
from wolfguard.sandbox import explanation, filters
from wolfguard.sandbox.processes import FILTERS, PROCESSES

PROCESS_NAMES: Final = ("supervisor", *PROCESSES)
INSTRUCTION_BYTES: Final = 8
WIDTH: Final = 118
NETWORK: Final = "; no TCP port since ABI 4; no signal and no abstract socket to others since ABI 6"
"""What Landlock takes from every process that it restricts, as far as the kernel's version goes."""

Json = dict[str, Any]

machine_option = click.option(
    "--machine",
    type=click.Choice(sorted({name.split(".")[1] for name in FILTERS})),
    help="Architecture of the filter, instead of this machine's.",
)


@click.group(
    epilog=examples(
        ("wolfguard sandbox list", "every process and what it keeps"),
        ("wolfguard sandbox explain worker", "what the process that hears the network may do"),
    )
)
def command() -> None:
    """Explain how each process of the gateway is locked in."""


@command.command(
    name="list",
    epilog=examples(
        ("wolfguard sandbox list", "a table"),
        ("wolfguard sandbox list --json", "for a program"),
    ),
)
@machine_option
@as_json
def list_processes(machine: str | None, as_json: bool) -> None:
    """List the processes with user, capabilities and the size of their filters."""
    document = explanation.read()
    found = {name: rules(document, name, _machine(machine, as_json)) for name in PROCESS_NAMES}
    if as_json:
        output.print_json({"processes": [_short(name, each) for name, each in found.items()]})
        return
    rows = [list(_short(name, each).values()) for name, each in found.items()]
    head = ("process", "user", "capabilities", "calls made", "refused", "hears")
    cells = [
        (*row[:2], ", ".join(row[2]) or "none", *("all" if cell is None else cell for cell in row[3:])) for row in rows
    ]
    output.print_lines(output.table(head, cells, right=("calls made", "refused")))


@command.command(
    epilog=examples(
        ("wolfguard sandbox explain worker", "the rules of a worker, for people"),
        ("wolfguard sandbox explain keyd --json | jq '.calls[] | select(.when != [])'", "calls with conditions"),
        ("wolfguard sandbox explain netd --machine aarch64", "on the other architecture"),
    )
)
@click.argument("process", type=click.Choice(PROCESS_NAMES))
@machine_option
@as_json
def explain(process: str, machine: str | None, as_json: bool) -> None:
    """Print the rules that PROCESS runs under: user, capabilities, files, limits, what it is given, with whom it
    speaks, and every system call with the reason why it is made, made under a condition, or refused.

    The rules are those of the installed package. The filter's hash is compared with the manifest, as at each start; a
    filter that differs ends the command with an error.
    """
    found = rules(explanation.read(), process, _machine(machine, as_json))
    if as_json:
        output.print_json({"process": process, **found})
    else:
        output.print_lines(list(render(process, found)))


def rules(document: Json, process: str, machine: str) -> Json:
    """Everything about one process; calls that the machine does not have are left out. Raises StartError."""
    entry: Json = document["processes"][process]
    if entry["filter"] == "none":
        return {**entry, "machine": machine, "filter": None, "calls": [], "killed": 0}
    program = filters.load(entry["filter"], machine)
    numbers = document["calls"][machine]
    calls = [
        {"call": rule["call"], "number": numbers[rule["call"]], **rule}
        for rule in document["profiles"][entry["filter"]]
        if rule["call"] in numbers
    ]
    installed = {
        "file": filters.file_name(entry["filter"], machine),
        "instructions": len(program) // INSTRUCTION_BYTES,
        "sha256": filters.digest(program),
    }
    return {**entry, "machine": machine, "filter": installed, "calls": calls, "killed": len(numbers) - len(calls)}


def render(process: str, found: Json) -> Iterator[str]:
    """The rules as lines for people."""
    yield f"{process}: {found['purpose']}"
    yield ""
    yield from output.pairs(list(_facts(found)), indent=2)
    if found["filter"] is not None:
        yield from _calls(found)
    yield ""
    yield "Channels"
    for channel in found["channels"]:
        yield from _channel(process, channel)


def _facts(found: Json) -> Iterator[tuple[str, str]]:
    yield "user", found["user"]
    yield "count", found["count"]
    yield "hears", found["hears"]
    yield "capabilities", ", ".join(found["capabilities"]) or "none, and none can be gained"
    yield "SELinux type", found["selinux"]
    yield "Landlock", _landlock(found["landlock"])
    yield "limits", ", ".join(f"{name} {value}" for name, value in found["rlimits"].items()) or "the machine's"
    yield "given", ", ".join(found["descriptors"]) or "nothing: it opens what the others are given"
    if found["filter"] is None:
        yield "seccomp", "no filter"
        return
    yield "seccomp", f"{found['filter']['file']}, {found['filter']['instructions']} instructions"
    yield "", f"SHA-256 {found['filter']['sha256']}, as in the manifest"


def _landlock(folders: Json | None) -> str:
    if folders is None:
        return "no rules"
    told = [
        f"{verb} {', '.join(folders[key])}" for key, verb in (("read", "reads"), ("write", "writes")) if folders[key]
    ]
    network = f"; TCP to servers of {', '.join(folders['connect'])} alone" if folders.get("connect") else NETWORK
    return f"{' and '.join(told)}, and no other file{network}" if told else f"no file and no folder{network}"


def _calls(found: Json) -> Iterator[str]:
    calls = found["calls"]
    made = [(call["call"], call["reason"]) for call in calls if not call["when"] and not call["error"]]
    tested = [call for call in calls if call["when"]]
    refused = [call for call in calls if not call["when"] and call["error"]]
    yield from ("", "System calls that are made")
    yield from output.pairs(made, indent=2)
    yield from ("", "System calls that are made if their arguments fit")
    for call in tested:
        yield f"  {call['call']}: {call['reason']}"
        yield from _wrapped(f"if {explanation.condition(call)}; otherwise {explanation.otherwise(call)}")
    yield from ("", "System calls that fail with an error, and the process lives on")
    rows = [
        (call["call"], f"{call['error']}: {call['reason']}") for call in sorted(refused, key=lambda call: call["error"])
    ]
    yield from output.pairs(rows, indent=2)
    yield from ("", "What kills the process")
    yield f"  each of the other {found['killed']} system calls of {found['machine']}, and any that a newer kernel adds"
    yield "  every system call of another architecture or ABI, which is looked at first"


def _channel(process: str, channel: Json) -> Iterator[str]:
    if channel["kind"] == "sign":
        yield f"  {channel['with']}: requests for signatures, one channel a handshake thread{_yields(channel)}"
        return
    if channel["kind"] == "helpers":
        yield f"  {channel['with']}: helpers' sockets{_yields(channel)}"
        return
    yield f"  {channel['with']}{_yields(channel)}"
    for key, word in (("sends", "may send"), ("receives", "may hear")):
        if channel[key]:
            yield from _wrapped(f"{word} {', '.join(_message(each) for each in channel[key])}")


def _yields(channel: Json) -> str:
    return f"; when it breaks, {channel['yields']} is started afresh" if channel["yields"] else ""


def _message(message: Json) -> str:
    notes = [
        *(["at start"] if message["in"] == ["starting"] else []),
        *(["with descriptors"] if message["descriptors"] else []),
    ]
    return f"{message['message']} ({', '.join(notes)})" if notes else str(message["message"])


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="      ", subsequent_indent="        ", break_on_hyphens=False)


def _short(name: str, found: Json) -> Json:
    filtered = found["filter"] is not None
    return {
        "process": name,
        "user": found["user"],
        "capabilities": [each.removeprefix("CAP_") for each in found["capabilities"]],
        "made": sum(1 for call in found["calls"] if call["when"] or not call["error"]) if filtered else None,
        "refused": sum(1 for call in found["calls"] if call["error"] and not call["when"]) if filtered else 0,
        "hears": found["hears"],
    }


def _machine(given: str | None, as_json: bool) -> str:
    machine = given or platform.machine()
    if f"{next(iter(PROCESSES.values())).filter}.{machine}.bpf" not in FILTERS:
        raise CommandError(
            f"there are no filters for {machine}; name another --machine", code="machine", as_json=as_json
        )
    return machine
