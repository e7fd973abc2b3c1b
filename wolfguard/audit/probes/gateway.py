# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running gateway says of itself over its management socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.vantage import Json, Vantage
from wolfguard.policy.expect import Value

INTACT: Final = "intact"
_MAYBE: Final = ("weakened", "not_approved")


def status(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Raises Unobservable where no gateway answers, or answers like none."""
    said = vantage.gateway()
    try:
        unseen = {name: "the process that knows did not answer" for name in _MAYBE if said[name] is None}
        return Observation(_facts(said), "the gateway's management socket", unseen=unseen)
    except (KeyError, TypeError, AttributeError):
        raise Unobservable("the gateway's status has another form than this release knows") from None


def process_name(process: Json) -> str:
    """As in the gateway's own words: worker/0, netd."""
    return f"worker/{process['slot']}" if process["process"] == "worker" else str(process["process"])


def _facts(said: Json) -> dict[str, Value]:
    modules = {process_name(each): each for each in said["modules"]}
    telling = {name: each for name, each in modules.items() if each["tests"] is not None}
    failed = [
        f"{name}: {test}" for name, each in telling.items() for test, how in each["tests"].items() if how != "passed"
    ]
    facts: dict[str, Value] = {
        "verdict": said["fips"]["verdict"],
        "silent": tuple(said["silent"]),
        "library_versions": tuple(sorted({each["library"] for each in telling.values() if each["library"]})),
        "tests_failed": tuple(failed),
        "not_intact": tuple(name for name, each in telling.items() if each["integrity"] != INTACT),
        "restarted": tuple(process_name(each) for each in said["processes"] if each["restarts"]),
    }
    for name in _MAYBE:
        if said[name] is not None:
            facts[name] = tuple(said[name]) if isinstance(said[name], list) else said[name]
    if not telling:
        raise Unobservable("no process of the gateway has said what it observed of its module")
    return facts
