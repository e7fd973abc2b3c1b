# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard policy`: what an audit would look at, and for whom; and whether a policy can be read at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from wolfguard.audit import waivers
from wolfguard.cli import output
from wolfguard.cli.failure import CommandError
from wolfguard.cli.options import as_json, examples
from wolfguard.policy.controls import (
    DEFAULT_PROFILE,
    Framework,
    audit_profile_names,
    framework_names,
    read_audit_profile,
    read_framework,
)
from wolfguard.policy.enforcement import ansible
from wolfguard.policy.expect import told
from wolfguard.policy.rule import Rule
from wolfguard.policy.rules import probes, read_rule, read_rules, rule_ids


@click.group(epilog=examples(("wolfguard policy list", "rules, profiles and frameworks")))
def command() -> None:
    """Show what an audit looks at, and which controls ask for it."""


@command.command("list", epilog=examples(("wolfguard policy list --profile vpn-srg", "the rules of one profile")))
@click.option("--profile", default=DEFAULT_PROFILE, show_default=True, help="Audit profile whose rules are listed.")
@as_json
def list_(profile: str, as_json: bool) -> None:
    """List the rules of an audit profile, and which profiles and frameworks there are."""
    chosen = read_audit_profile(profile)
    if as_json:
        output.print_json(
            {
                "profiles": list(audit_profile_names()),
                "frameworks": list(framework_names()),
                "rules": [_summary(rule) for rule in chosen.rules],
            }
        )
        return
    rows = [(rule.severity.name.lower(), rule.id, rule.title) for rule in chosen.rules]
    output.print_lines(output.table(("severity", "rule", "holds where it passes"), rows))
    output.print_lines(
        [
            "",
            f"{output.count(len(chosen.rules), 'rule')} of profile {chosen.name}: {chosen.about}",
            f"profiles: {', '.join(audit_profile_names())}",
            f"frameworks: {', '.join(framework_names())}",
        ]
    )


@command.command(
    epilog=examples(
        ("wolfguard policy show tls/refuses-tls11", "one rule, with what a pass is worth"),
        ("wolfguard policy show disa-vpn-srg", "the controls of a framework with their rules"),
    )
)
@click.argument("name")
@as_json
def show(name: str, as_json: bool) -> None:
    """Show a rule or a framework of controls."""
    if name in framework_names():
        framework = read_framework(name)
        rules = read_rules()
        if as_json:
            output.print_json({"name": name, "title": framework.title, "controls": list(_controls(framework, rules))})
        else:
            output.print_lines(list(_framework(framework, rules)))
        return
    if name not in rule_ids():
        raise CommandError(f"there is no rule or framework {name!r}; see `wolfguard policy list`", as_json=as_json)
    rule = read_rule(name)
    if as_json:
        output.print_json({**_summary(rule), **dict(_rows(rule))})
    else:
        output.print_lines(output.pairs([("rule", rule.id), ("title", rule.title), *_rows(rule)]))


@command.command(
    epilog=examples(
        ("wolfguard policy check", "reads everything that is installed"),
        ("wolfguard policy check --waivers waivers.yml", "and a file of waivers"),
    )
)
@click.option("--waivers", "waivers_file", type=click.Path(path_type=Path), help="A file of waivers to check as well.")
@as_json
def check(waivers_file: Path | None, as_json: bool) -> None:
    """Read every rule with its fixtures, every profile and every framework, and say what is wrong."""
    found = {
        "rules": len(read_rules()),
        "profiles": len([read_audit_profile(name) for name in audit_profile_names()]),
        "frameworks": len([read_framework(name) for name in framework_names()]),
    }
    if waivers_file is not None:
        spoken = waivers.read(waivers_file)
        if unknown := [each.rule for each in spoken if each.rule not in rule_ids()]:
            raise CommandError(f"{waivers_file} names a rule that there is not: {unknown[0]}", as_json=as_json)
        found["waivers"] = len(spoken)
    if as_json:
        output.print_json(found)
    else:
        click.echo(f"good: {', '.join(f'{number} {name}' for name, number in found.items())}")


@command.command(epilog=examples(("wolfguard policy render --ansible", "what ansible/roles/base/vars/main.yml holds")))
@click.option("--ansible", "for_ansible", is_flag=True, required=True, help="As variables of the Ansible role base.")
def render(for_ansible: bool) -> None:
    """Print the values that rules recommend for the machine, for programs that set them."""
    click.echo(ansible(read_rules()), nl=False)


def _summary(rule: Rule) -> dict[str, Any]:
    return {"rule": rule.id, "title": rule.title, "severity": rule.severity.name.lower()}


def _rows(rule: Rule) -> Iterator[tuple[str, object]]:
    look = rule.observe.look
    arguments = ", ".join(f"{name} {told(value)}" for name, value in look.arguments)
    yield "severity", rule.severity.name.lower()
    yield "rationale", rule.rationale
    yield "looks at", f"{probes()[look.probe]['sees']}{f' ({arguments})' if arguments else ''}"
    yield "expects", f"{'/'.join(rule.observe.key)}: {rule.expect.text()}"
    if rule.condition is not None:
        yield "applies", f"not where {rule.condition.otherwise}"
    if rule.variables:
        yield "variables", told(rule.variables)
    yield "a pass shows", rule.proves
    yield "it does not show", rule.does_not_prove
    yield "remedy", rule.remedy
    yield "brought about by", rule.enforce.none or f"role {rule.enforce.role}, {rule.enforce.variable}"
    yield (
        "asked for by",
        "; ".join(f"{each.framework} {each.id}" for each in rule.references) or "no control named here",
    )


def _controls(framework: Framework, rules: tuple[Rule, ...]) -> Iterator[dict[str, Any]]:
    for control in framework.controls:
        yield {
            "id": control.id,
            "title": control.title,
            "status": control.status,
            "note": control.note,
            "rules": [rule.id for rule in framework.rules_of(control, rules)],
        }


def _framework(framework: Framework, rules: tuple[Rule, ...]) -> Iterator[str]:
    yield f"{framework.title}, {framework.release}"
    yield f"listed here: {framework.covers}"
    for control in _controls(framework, rules):
        yield ""
        yield f"{control['id']}  {control['status']}: {control['title']}"
        if control["note"]:
            yield f"  {control['note']}"
        if control["rules"]:
            yield f"  {', '.join(control['rules'])}"
