# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on the cryptographic module. The judgement is that of `wolfguard fips status` on the machine that is
looked at, in the form that it has for programs; this turns it into values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.vantage import Json, Vantage
from wolfguard.fips import host
from wolfguard.fips.steps import Level, Outcome
from wolfguard.policy.expect import Value


def verdict(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Of the process that judged and of those of the gateway. Raises Unobservable for what is no verdict."""
    said = vantage.module()
    try:
        return _observation(said)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unobservable("the verdict on the module has another form than this release knows") from None


def _observation(said: Json) -> Observation:
    level = Level[str(said["verdict"]).upper()]
    steps = {str(each["name"]): Outcome(each["outcome"]) for each in said["steps"]}
    unseen = {
        f"steps/{each['name']}": str(each["evidence"]) or "nobody could look"
        for each in said["steps"]
        if steps[str(each["name"])] in (Outcome.UNKNOWN, Outcome.ERROR)
    }
    kernel, told = str(said["host"]["kernel"]), said["host"]["findings"]
    if kernel == host.UNKNOWN:
        unseen["kernel"] = "the kernel's command line cannot be read"
    outcomes: dict[str, Value] = {name: outcome.value for name, outcome in steps.items()}
    seen: dict[str, Value] = {
        "level": level.name.lower(),
        "reached": tuple(each.name.lower() for each in Level if each <= level),
        "steps": outcomes,
        "kernel": kernel,
        "contradictions": tuple(str(each["evidence"]) for each in told if each["name"] == host.CONTRADICTION),
    }
    library = said["library"]
    return Observation(seen, f"libwolfssl {library['version']} at {library['path']}", unseen=unseen)
