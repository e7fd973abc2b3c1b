# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter `wolfguard_argument_errors`: what is wrong with a host's variables, before a role touches the machine.

Owns how a wrong variable is told: its name, the reason, what it means and an example, all of them from the roles'
`meta/argument_specs.yml`. It never tells a value: one of them may be a secret.
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROLES = Path(__file__).resolve().parents[2] / "roles"


def specifications(roles: Path = ROLES) -> dict[str, dict[str, dict[str, Any]]]:
    """Role → variable → its specification."""
    found = {}
    for file in sorted(roles.glob("*/meta/argument_specs.yml")):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        found[file.parents[1].name] = document["argument_specs"]["main"].get("options", {})
    return found


def argument_errors(variables: Mapping[str, Any], roles: str = "") -> list[str]:
    """A sentence or two for each variable that is missing, of another kind, or of no role."""
    errors: list[str] = []
    for role, known in specifications(Path(roles) if roles else ROLES).items():
        for name, specification in known.items():
            errors += [
                f"{name} {reason}. {_meaning(specification)}" for reason in _judged(name, specification, variables)
            ]
        for name in sorted(variables):
            if name.startswith(f"{role}_") and name not in known:
                errors.append(f"{name} is no variable of role {role}{_nearest(name, known)}")
    return errors


def _judged(name: str, specification: dict[str, Any], variables: Mapping[str, Any]) -> Iterator[str]:
    if name not in variables:
        if specification.get("required"):
            yield "is missing"
        return
    value = variables[name]
    validated = ArgumentSpecValidator({name: {**specification, "no_log": False}}).validate({name: value})
    if validated.error_messages:
        choices = specification.get("choices")
        kind = f"one of {', '.join(map(str, choices))}" if choices else f"of kind {_kind(specification)}"
        yield f"is not {kind}"
    elif _line(specification, "Form: ") == "network":
        for number, each in enumerate(value if isinstance(value, list) else [value], 1):
            try:
                ipaddress.ip_network(each)
            except ValueError:
                yield f"has no network as entry {number} (an address with a prefix length, and no host bits)"


def _kind(specification: Mapping[str, Any]) -> str:
    elements = specification.get("elements")
    return f"list of {elements}" if elements else str(specification.get("type", "str"))


def _line(specification: Mapping[str, Any], start: str) -> str:
    """The rest of the line of the description that begins so."""
    return next((line.removeprefix(start) for line in described(specification) if line.startswith(start)), "")


def described(specification: Mapping[str, Any]) -> list[str]:
    """The description as a list of lines."""
    description = specification.get("description", [])
    return [description] if isinstance(description, str) else list(description)


def _meaning(specification: Mapping[str, Any]) -> str:
    lines = [line for line in described(specification) if not line.startswith("Form: ")]
    return " ".join(line if line.endswith(".") else f"{line}." for line in lines)


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(known) or 'none'}"


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        return {"wolfguard_argument_errors": argument_errors}
