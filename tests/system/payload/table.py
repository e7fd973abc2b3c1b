# SPDX-License-Identifier: GPL-3.0-or-later
"""The generated parts of docs/confinement.md: what each process may have, and what stops which attempt.

Run by name it writes them (`python -m tests.system.payload.table`); tests/meta compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tests.system.manifest import TREE, document
from tests.system.payload.attempt import SUCCESS, Attempt, Outcome
from tests.system.payload.attempts import WORKER
from tests.system.payload.injection import DIED
from tests.system.payload.others import OTHERS
from tests.system.payload.words import WORDS

PAGE: Final = TREE / "docs" / "confinement.md"
_HEAD: Final = ("attempt", "what for", "stopped by", "how")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join([_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)])


def _how(outcome: Outcome) -> str:
    words = {DIED: "the process is killed", SUCCESS: "it can"}
    return " or ".join(words.get(each, each) for each in outcome.errors)


def _behind(outcome: Outcome) -> str:
    if not outcome.errors:
        return f"{outcome.layer} (not tried)"
    since = f", from version {outcome.abi}" if outcome.abi > 1 else ""
    return f"{outcome.layer}{since}: {_how(outcome)}"


def _labelled(attempt: Attempt) -> str:
    outcome = attempt.labelled
    denied = f", `{outcome.denied}`" if outcome.denied else ""
    older = f"; on Debian 12 {_behind(attempt.bookworm)}" if attempt.bookworm else ""
    return f"{_behind(outcome)}{denied}{older}" if outcome.layer else "not tried"


def _worker() -> str:
    rows = [
        (each.name, each.tries, each.enforced.layer, _how(each.enforced), _behind(each.behind), _labelled(each))
        for each in WORKER
    ]
    return _table([*_HEAD, "where the filter only logs", "without filter and Landlock, under SELinux"], rows)


def _words() -> str:
    return _table(_HEAD, [(each.name, each.tries, each.layer, each.outcome) for each in WORDS])


def _others() -> str:
    def row(process: str, each: Attempt) -> tuple[str, ...]:
        return process, each.name, each.tries, each.enforced.layer, _how(each.enforced)

    return _table(["process", *_HEAD], [row(process, each) for process, tried in OTHERS.items() for each in tried])


def _processes() -> str:
    rows = [(name, *_process(entry)) for name, entry in document()["processes"].items()]
    return _table(["process", "user", "capabilities", "folders", "limits", "open while it serves"], rows)


def _process(entry: Mapping[str, Any]) -> tuple[str, ...]:
    kept = ", ".join(name.removeprefix("CAP_") for name in entry["capabilities"]) or "none"
    landlock = entry.get("landlock")
    folders = "as its user" if landlock is None else ", ".join([*landlock["read"], *landlock["write"]]) or "none"
    limits = ", ".join(f"{name} {value}" for name, value in entry["rlimits"].items()) or "the machine's"
    opened = ", ".join(f"{kind} {_count(count)}" for kind, count in entry.get("open", {}).items()) or "nothing more"
    return entry["user"], kept, folders, limits, opened if "open" in entry else "what it gives to the others"


def _count(count: int | Mapping[str, int]) -> str:
    if isinstance(count, int):
        return str(count)
    words = {"fixed": "", "slots": " a slot", "threads": " a handshake thread", "listeners": " a listener"}
    return " + ".join(f"{number}{words[word]}" for word, number in count.items())


PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "processes": _processes,
    "worker": _worker,
    "words": _words,
    "others": _others,
}


def rendered(text: str) -> str:
    """The page with its generated parts made anew. Raises ValueError when a marker is missing."""
    for name, part in PARTS.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"{PAGE.name} has no part {name}")
        text = f"{before}{begin}{part()}\n{end}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text("utf-8")), "utf-8")
