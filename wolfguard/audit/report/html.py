# SPDX-License-Identifier: GPL-3.0-or-later
"""The result for a reader: one HTML file without a script or anything from outside, evidence unfolded on demand.

Owns structure and words; the look is `html_style`'s. Whatever the machine said is escaped here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from wolfguard.audit.report.html_style import STYLE
from wolfguard.audit.result import Audit, Finding, State
from wolfguard.policy.controls import Control, Framework
from wolfguard.policy.expect import told
from wolfguard.policy.rule import Rule

_ORDER: Final = (State.FAIL, State.ERROR, State.MANUAL, State.WAIVED, State.PASS, State.NOT_APPLICABLE)
_SECTIONS: Final = {
    State.FAIL: ("failed", "Failed"),
    State.ERROR: ("not-looked-at", "Could not be looked at"),
    State.MANUAL: ("for-a-person", "For a person to say"),
    State.WAIVED: ("accepted", "Failed, and accepted by the site"),
    State.PASS: ("passed", "Passed"),
    State.NOT_APPLICABLE: ("not-applicable", "Do not apply here"),
}
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_CHART_WIDTH: Final = 1000


def encode(audit: Audit) -> bytes:
    """The document, UTF-8."""
    return ("\n".join(_document(audit)) + "\n").encode()


def _document(audit: Audit) -> Iterator[str]:
    title = _text(f"wolfguard audit of {audit.place}")
    yield "<!doctype html>"
    yield "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->"
    yield f'<html lang="en"><head><meta charset="utf-8"><title>{title}, {audit.begun:%Y-%m-%d}</title>'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{STYLE}</style></head><body><main>"
    yield f"<h1>{title}</h1>"
    yield f"<p>{_text(audit.profile.title)}, profile {_text(audit.profile.name)}</p>"
    seconds = (audit.ended - audit.begun).total_seconds()
    yield f'<p class="soft">{audit.begun:%Y-%m-%d %H:%M:%S} UTC, {seconds:.0f} s, wolfguard {_text(audit.version)}</p>'
    yield from _navigation(audit)
    yield from _summary(audit)
    for state in _ORDER:
        yield from _findings(audit, state)
    for framework in audit.profile.frameworks:
        yield from _framework(audit, framework)
    if audit.remarks:
        yield '<h2 id="notes">Notes</h2><ul>'
        yield from (f"<li>{_text(remark)}</li>" for remark in audit.remarks)
        yield "</ul>"
    yield "</main></body></html>"


def _navigation(audit: Audit) -> Iterator[str]:
    yield '<nav aria-label="Parts of this report"><ul>'
    for state in _ORDER:
        if audit.count(state):
            anchor, name = _SECTIONS[state]
            yield f'<li><a href="#{anchor}">{name} ({audit.count(state)})</a></li>'
    for framework in audit.profile.frameworks:
        yield f'<li><a href="#{_text(framework.name)}">{_text(framework.title)}</a></li>'
    yield "</ul></nav>"


def _summary(audit: Audit) -> Iterator[str]:
    words = ", ".join(f"{audit.count(state)} {state.value}" for state in _ORDER if audit.count(state))
    yield f'<svg viewBox="0 0 {_CHART_WIDTH} 32" preserveAspectRatio="none" role="img" aria-label="{words}">'
    yield f"<title>{words}</title>"
    at = 0.0
    for state in _ORDER:
        width = _CHART_WIDTH * audit.count(state) / max(len(audit.findings), 1)
        if width:
            yield f'<rect class="{state.value}" x="{at:.2f}" y="0" width="{width:.2f}" height="32"/>'
        at += width
    yield "</svg>"
    yield '<ul class="counts">'
    for state in _ORDER:
        if audit.count(state):
            yield f'<li><b>{audit.count(state)}</b> <span class="state {state.value}">{state.value}</span></li>'
    yield f"<li>of <b>{len(audit.findings)}</b> rules</li></ul>"


def _findings(audit: Audit, state: State) -> Iterator[str]:
    found = sorted(
        (finding for finding in audit.findings if finding.state is state),
        key=lambda finding: (-finding.rule.severity, finding.rule.id),
    )
    if found:
        anchor, name = _SECTIONS[state]
        yield f'<h2 id="{anchor}">{name} ({len(found)})</h2>'
        for finding in found:
            yield from _finding(finding)


def _finding(finding: Finding) -> Iterator[str]:
    rule = finding.rule
    unfolded = " open" if finding.state is State.FAIL else ""
    yield f'<details id="{_anchor(rule)}"{unfolded}><summary>'
    yield f'<span><span class="state {finding.state.value}">{finding.state.value}</span> '
    yield f'<span class="soft">{rule.severity.name.lower()}</span></span>'
    yield f'<span>{_text(rule.title)}</span><span class="id">{_text(rule.id)}</span></summary><dl>'
    for name, value in _rows(finding):
        if value:
            yield f"<dt>{name}</dt><dd>{_text(value)}</dd>"
    yield "</dl></details>"


def _rows(finding: Finding) -> Iterator[tuple[str, str]]:
    rule = finding.rule
    if finding.state in (State.PASS, State.FAIL, State.WAIVED):
        yield "Seen" if finding.word is None or finding.state is State.WAIVED else "Attested", told(finding.observed)
        yield "Expected", rule.expect.text()
    else:
        yield "Because", finding.reason
    if finding.word is not None:
        yield "Word of", f"{finding.word.approver}, until {finding.word.expires}: {finding.word.text}"
    yield "Where", finding.source
    yield "Why", rule.rationale
    if finding.state is not State.PASS:
        yield "Do", rule.remedy
    yield "Pass shows", rule.proves
    yield "Not shown", rule.does_not_prove
    yield "Controls", ", ".join(f"{each.framework} {each.id}" for each in rule.references)


def _framework(audit: Audit, framework: Framework) -> Iterator[str]:
    states = {finding.rule.id: finding.state for finding in audit.findings}
    yield f'<h2 id="{_text(framework.name)}">{_text(framework.title)}</h2><div class="wide"><table>'
    yield f"<caption>{_text(framework.release)}; listed are {_text(framework.covers)}</caption>"
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Control", "Covered", "Rules"))
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    for control in framework.controls:
        yield from _control(control, framework.rules_of(control, audit.profile.rules), states)
    yield "</tbody></table></div>"


def _control(control: Control, rules: tuple[Rule, ...], states: dict[str, State]) -> Iterator[str]:
    note = f'<br><span class="soft">{_text(control.note)}</span>' if control.note else ""
    links = "<br>".join(
        f'<a href="#{_anchor(rule)}">{_text(rule.id)}</a> '
        f'<span class="state {states[rule.id].value}">{states[rule.id].value}</span>'
        for rule in rules
    )
    yield f'<tr><th scope="row">{_text(control.id)}<br><span class="soft">{_text(control.title)}</span></th>'
    yield f"<td>{control.status}{note}</td><td>{links or 'none here'}</td></tr>"


def _anchor(rule: Rule) -> str:
    return rule.id.replace("/", "-")


def _text(text: str) -> str:
    """Escaped, and without characters that are shown as nothing or turn the line around."""
    return escape("".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text))
