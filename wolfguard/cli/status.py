# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard status`: what runs, how it is confined, what it carries and what it dropped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from wolfguard.cli import output
from wolfguard.cli.client import Client
from wolfguard.cli.options import as_json, examples, socket_path
from wolfguard.sandbox import weakening

# Facts of the engine that the first lines tell.
HEAD_FACTS = frozenset({"library", "meaning", "verdict"})


@click.command(
    epilog=examples(
        ("wolfguard status", "everything at a glance"),
        ("wolfguard status --json | jq .counters", "counters for a program"),
    )
)
@socket_path
@as_json
def command(socket_path: Path, as_json: bool) -> None:
    """Show the gateway: processes, listeners, pools, counters.

    The FIPS verdict says what the cryptographic library in use is: "none" (no FIPS module), "eval", "bundle" or
    "validated". Counters are those of all workers since their start; those that are zero are left out.
    """
    with Client(socket_path, as_json=as_json) as client:
        status = client.get("/v1/status")
    if as_json:
        output.print_json(status)
    else:
        output.print_lines(render(status, int(time.time())))


def render(status: dict[str, Any], now: int) -> list[str]:
    """The status as lines for people; `now` in Unix seconds."""
    lines = _head(status, now)
    if status["silent"]:
        lines += ["", f"NO ANSWER from {', '.join(status['silent'])}: what they would say is missing here"]
    lines += _section("Processes", _processes(status["processes"], now))
    lines += _section("Confinement", _confinement(status["processes"]))
    lines += _section("Cryptographic module", _modules(status["modules"]))
    lines += _section("Listeners", [f"  {output.plain(listener)}" for listener in status["listeners"]])
    lines += _section("Pools", output.pairs(sorted(status["pools"].items()), indent=2))
    engine = [(name, value) for name, value in sorted(status["engine"].items()) if name not in HEAD_FACTS]
    lines += _section("Engine", output.pairs(engine, indent=2))
    for process, facts in sorted(status["facts"].items()):
        lines += _section(process, output.pairs(sorted(facts.items()), indent=2))
    counters = [(name, str(value)) for name, value in status["counters"].items()]
    return lines + _section("Counters", output.pairs(counters, indent=2))


def _head(status: dict[str, Any], now: int) -> list[str]:
    started = status["started"]
    since = f"since {output.moment(started)} UTC ({output.span(now - started)})" if started else "start time unknown"
    version, generation = status["version"] or "unknown version", status["generation"] or "?"
    rows: list[tuple[str, object]] = [
        ("wolfguard", f"{version}, {since}, configuration {generation}"),
        ("FIPS", f"verdict {status['fips']['verdict']}, library {status['fips']['library']}"),
        ("", status["fips"]["meaning"]),
        ("carries", _carries(status)),
    ]
    rows[1:1] = [("weakened", text) for text in _weakened(status["weakened"] or [])]
    return output.pairs(rows)


def _weakened(words: list[str]) -> list[str]:
    """One text for each reason, with all that go on without something for it."""
    reasons: dict[str, list[str]] = {}
    for word in words:
        reasons.setdefault(weakening.REASONS.get(word, "of a kind that this command does not know"), []).append(word)
    return [f"{', '.join(found)}: {reason}" for reason, found in reasons.items()]


def _carries(status: dict[str, Any]) -> str:
    if status["sessions"] is None:
        return "unknown"
    sessions, tunnels = output.count(status["sessions"], "session"), output.count(status["tunnels"], "tunnel")
    odd = status["not_approved"]
    return f"{sessions}, {tunnels}" + (f"; {odd} not approved since the start" if odd else "")


def _processes(processes: list[dict[str, Any]], now: int) -> list[str]:
    rows = [
        (_name(item), item["pid"] or "-", item["state"], output.span(now - item["started"]), item["restarts"])
        for item in processes
    ]
    lines = output.table(("process", "pid", "state", "for", "restarts"), rows, right=("pid", "restarts"))
    return [f"  {line}" for line in lines] if rows else []


def _confinement(processes: list[dict[str, Any]]) -> list[str]:
    rows = [
        (_name(item), ", ".join(f"{name} {value}" for name, value in item["confinement"].items()))
        for item in processes
        if item["confinement"]
    ]
    return output.pairs(rows, indent=2)


def _modules(modules: list[dict[str, Any]]) -> list[str]:
    """One line a process that has said what it observed of the module in it."""
    rows = []
    for item in modules:
        if item["tests"] is not None:
            failed = [name for name, state in item["tests"].items() if state != "passed"]
            tests = (
                f"failed {', '.join(failed)}" if failed else f"{output.count(len(item['tests']), 'self-test')} passed"
            )
            rows.append((_name(item), f"{item['integrity']}, {tests} in {item['selftest_ms']:.0f} ms"))
    return output.pairs(rows, indent=2)


def _name(process: dict[str, Any]) -> str:
    return f"worker/{process['slot']}" if process["process"] == "worker" else str(process["process"])


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, *lines] if lines else []
