# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter `wolfguard_argument_errors`: what is wrong with a host's variables, before a role touches the machine.

Owns how a wrong variable is told: its name, the reason, what it means and an example, all of them from the roles'
`meta/argument_specs.yml`. It never tells a value: one of them may be a secret.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROLES = Path(__file__).resolve().parents[2] / "roles"
# The audit's profiles; a collection outside of its tree has none to compare with.
PROFILES = ROLES.parents[1] / "policies" / "audit"
# Variables of the whole playbook begin so.
PLAYBOOK = "wolfguard"
# Keys of the site file that name files with secrets.
SECRETS = ("key", "secret")
SWITCHES = ("wolfguard_no_log",)


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
    found = specifications(Path(roles) if roles else ROLES)
    whole = [*SWITCHES, *(name for known in found.values() for name in known if name.startswith(f"{PLAYBOOK}_"))]
    errors += [
        f"{name} is no variable of the playbook{_nearest(name, whole)}"
        for name in sorted(variables)
        if name.startswith(f"{PLAYBOOK}_") and name not in whole
    ]
    for role, known in found.items():
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
    # Ansible itself would make a list, or a dictionary, of a text; the templates would not
    if isinstance(value, str) and specification.get("type") in ("list", "dict"):
        yield f"is not of kind {_kind(specification)}"
        return
    validated = ArgumentSpecValidator({name: {**specification, "no_log": False}}).validate({name: value})
    if validated.error_messages:
        choices = specification.get("choices")
        kind = f"one of {', '.join(map(str, choices))}" if choices else f"of kind {_kind(specification)}"
        yield f"is not {kind}"
    elif form := _line(specification, "Form: "):
        judge, meaning = FORMS[form]
        if isinstance(value, list):
            wrong = [f"entry {number} of it" for number, each in enumerate(value, 1) if not judge(each)]
            if not value and specification.get("required") and form == "name":
                wrong = ["it, being empty,"]
        else:
            wrong = [] if judge(value) else ["its value"]
        yield from (f"is wrong: {each} is not {meaning}" for each in wrong)
        if form == "site":
            yield from (f"is wrong: {each} is not the path of a file on the machine" for each in _inline(value))


def _inline(value: Any, place: str = "") -> Iterator[str]:
    """Places in a site file that hold a secret themselves instead of the name of its file."""
    if isinstance(value, dict):
        for name, each in value.items():
            here = f"{place}.{name}" if place else str(name)
            if name in SECRETS and not (isinstance(each, str) and (not each or each.startswith("/"))):
                yield here
            else:
                yield from _inline(each, here)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _inline(each, f"{place}[{number}]")


def _network(value: Any) -> bool:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        return False
    return True


def _site(value: Any) -> bool:
    """What the roles themselves read of it; the rest is the gateway's to judge."""
    listeners, sites = value.get("listeners"), value.get("sites")
    if not (isinstance(listeners, list) and listeners and isinstance(sites, list) and sites):
        return False
    return all(isinstance(each, dict) and _port(each.get("port", 443)) for each in listeners)


def _port(value: Any) -> bool:
    return str(value).isdecimal() and 0 < int(value) < 65536


def _expression(text: str) -> Callable[[Any], bool]:
    return lambda value: re.fullmatch(text, str(value)) is not None


FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "file": (lambda value: not value or Path(value).is_file(), "a file on this controller"),
    "host": (_expression(r"[A-Za-z0-9._-]{0,64}"), "the name of a machine"),
    "name": (_expression(r"(?=.{1,253}$)[A-Za-z0-9*]([A-Za-z0-9-]{0,62}\.?)+"), "a name in the DNS"),
    "network": (_network, "a network (an address with a prefix length, and no host bits)"),
    "port": (_port, "a port (1 to 65535)"),
    "profile": (
        lambda value: not PROFILES.is_dir() or value in {each.stem for each in PROFILES.glob("*.yml")},
        f"one of {', '.join(sorted(each.stem for each in PROFILES.glob('*.yml')))}",
    ),
    "secrets": (
        lambda value: all(re.fullmatch(r"[A-Za-z0-9][\w.-]*", str(n)) and isinstance(v, str) for n, v in value.items()),
        "names of files (letters, digits, dots, dashes) with a text each",
    ),
    "sha384": (_expression(r"[0-9A-Fa-f]{96}|"), "a SHA-384 (96 hexadecimal digits)"),
    "site": (_site, "a site file (listeners with ports, and sites; one of each at least)"),
    "size": (_expression(r"[0-9]+[KMGTPE]?"), "a size (a number, and K, M or G behind it)"),
}
"""What a value has to look like, by the word in the line "Form: " of a description."""


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


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(known) or 'none'}"


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        return {"wolfguard_argument_errors": argument_errors}
