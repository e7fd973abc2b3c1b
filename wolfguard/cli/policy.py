# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard policy`: what an audit would look at, and for whom; and whether a policy can be read at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from wolfguard.audit import waivers
from wolfguard.cli import output
from wolfguard.cli.failure import CommandError
from wolfguard.cli.options import as_json, examples
from wolfguard.policy.controls import (
    DEFAULT_PROFILE,
    AuditProfile,
    Framework,
    audit_profile_names,
    framework_names,
    read_audit_profile,
    read_framework,
)
from wolfguard.policy.enforcement import ansible
from wolfguard.policy.expect import Value, told
from wolfguard.policy.recorded import rendered
from wolfguard.policy.rule import Rule
from wolfguard.policy.rules import probes, read_rule, read_rules, rule_ids
from wolfguard.policy.variables import Variable, read_tailoring, variables

tailoring = click.option(
    "--tailoring", "tailoring_file", type=click.Path(path_type=Path), help="A site's own values for rules."
)


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
        ("wolfguard policy show idle_seconds", "a value that a site may set, with its limits"),
        ("wolfguard policy show gateway --tailoring site.yml", "an audit profile with the values in use"),
    )
)
@click.argument("name")
@tailoring
@as_json
def show(name: str, tailoring_file: Path | None, as_json: bool) -> None:
    """Show a rule, a framework of controls, a variable of rules, or an audit profile with the values in use.

    Where a framework and an audit profile have one name, the framework is shown.
    """
    site = None if tailoring_file is None else read_tailoring(tailoring_file)
    values = {} if site is None else site.values
    if name in framework_names():
        framework = read_framework(name)
        rules = read_rules()
        if as_json:
            output.print_json({"name": name, "title": framework.title, "controls": list(_controls(framework, rules))})
        else:
            output.print_lines(list(_framework(framework, rules)))
        return
    if name in variables():
        rows = list(_variable(variables()[name], values))
        output.print_json(dict(rows)) if as_json else output.print_lines(output.pairs(rows))
        return
    if name in audit_profile_names():
        rows = list(_profile(read_audit_profile(name, site)))
        output.print_json(dict(rows)) if as_json else output.print_lines(output.pairs(rows))
        return
    if name not in rule_ids():
        raise CommandError(
            f"there is no rule, framework, variable or profile {name!r}; see `wolfguard policy list`", as_json=as_json
        )
    rule = read_rule(name, values)
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
@tailoring
@as_json
def check(waivers_file: Path | None, tailoring_file: Path | None, as_json: bool) -> None:
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
    if tailoring_file is not None:
        found["variables"] = len(read_tailoring(tailoring_file).values)
    if as_json:
        output.print_json(found)
    else:
        click.echo(f"good: {', '.join(f'{number} {name}' for name, number in found.items())}")


@command.command(
    epilog=examples(
        ("wolfguard policy render --ansible", "what ansible/roles/base/vars/main.yml holds"),
        ("wolfguard policy render --audit-rules", "for a file of /etc/audit/rules.d"),
    )
)
@click.option("--ansible", "what", flag_value="ansible", required=True, help="As variables of the Ansible role base.")
@click.option("--audit-rules", "what", flag_value="audit-rules", help="What of persons' work the kernel can record.")
def render(what: str) -> None:
    """Print the values that rules recommend for the machine, for programs that set them."""
    click.echo(ansible(read_rules()) if what == "ansible" else rendered(), nl=False)


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
    for name, value in rule.variables.items():
        yield f"variable {name}", f"{told(value)}; {variables()[name].limits}"
    yield "a pass shows", rule.proves
    yield "it does not show", rule.does_not_prove
    yield "remedy", rule.remedy
    yield "brought about by", rule.enforce.none or f"role {rule.enforce.role}, {rule.enforce.variable}"
    yield (
        "asked for by",
        "; ".join(f"{each.framework} {each.id}" for each in rule.references) or "no control named here",
    )


def _variable(variable: Variable, values: Mapping[str, Value]) -> Iterator[tuple[str, object]]:
    using = [rule for rule in read_rules() if variable.name in rule.variables]
    standing = using[0].variables[variable.name]
    yield "variable", variable.name
    yield "means", variable.means
    yield "may be", variable.limits
    yield "is", told(standing)
    if variable.name in values:
        yield "is set to", told(values[variable.name])
    yield "used by", ", ".join(rule.id for rule in using)


def _profile(profile: AuditProfile) -> Iterator[tuple[str, object]]:
    yield "profile", profile.name
    yield "title", profile.title
    yield "about", profile.about
    yield "rules", len(profile.rules)
    yield "frameworks", ", ".join(each.name for each in profile.frameworks)
    tailored = {each.name: each for each in profile.tailored}
    in_use = {name: value for rule in profile.rules for name, value in rule.variables.items()}
    for name, value in sorted(in_use.items()):
        other = tailored.get(name)
        instead = "" if other is None else f" instead of {told(other.instead_of)} ({other.origin})"
        yield f"variable {name}", f"{told(value)}{instead}"


def _controls(framework: Framework, rules: tuple[Rule, ...]) -> Iterator[dict[str, Any]]:
    of_control = framework.by_control(rules)
    for control in framework.controls:
        yield {
            "id": control.id,
            "title": control.title,
            "status": control.status,
            "note": control.note,
            "rules": [rule.id for rule in of_control[control.id]],
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
