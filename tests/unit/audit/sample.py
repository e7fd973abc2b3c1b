# SPDX-License-Identifier: GPL-3.0-or-later
"""A small audit that has everything once: each state and severity, a waiver, a remark, controls with and without rules,
and texts with which a machine could try to be obeyed by a report."""

from __future__ import annotations

from datetime import UTC, datetime

from wolfguard.audit import kept
from wolfguard.audit.kept import Kept
from wolfguard.audit.report.json import document
from wolfguard.audit.result import Audit, Finding, State, Word
from wolfguard.policy.controls import AuditProfile, Control, Framework
from wolfguard.policy.expect import Value, expectation, frozen
from wolfguard.policy.rule import Enforcement, Look, Observed, Reference, Rule, Severity
from wolfguard.policy.variables import Tailored

BEGUN = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
ENDED = datetime(2026, 11, 26, 12, 0, 7, tzinfo=UTC)

HOSTILE = "</details><script>alert(1)</script> ]]> & \"quoted\" 'too' \x1b[2J\x00\x0b ünïcode"


def rule(name: str, severity: Severity, comparison: str, wanted: Value, *controls: str) -> Rule:
    return Rule(
        id=name,
        title=f"{name.partition('/')[2].replace('-', ' ').capitalize()} as the site says",
        severity=severity,
        rationale="Who can change it can read every session.",
        remedy=f"Set it in the file that {name} names, then reload the gateway.",
        references=tuple(Reference(*each.split(" ", 1)) for each in controls),
        condition=None,
        observe=Observed(Look("file", (("path", "/etc/example"), ("names", ("one", "two")))), ("mode",)),
        expect=expectation(comparison, wanted),
        variables={},
        enforce=Enforcement("", "", "a sample"),
        proves="The file had this mode at that moment.",
        does_not_prove="That it had it before.",
    )


RULES = (
    rule("auth/lock-out", Severity.MEDIUM, "at_most", 5, "nist-800-53r5 AC-7"),
    rule("fips/module-level", Severity.HIGH, "one_of", ("validated",), "nist-800-53r5 SC-13"),
    rule("host/forwarding", Severity.LOW, "equals", 0, "nist-800-53r5 CM-7"),
    rule("host/key-file-mode", Severity.HIGH, "mode_within", "0640", "nist-800-53r5 SC-12(1)", "nist-800-53r5 AC-7"),
    rule("host/selinux", Severity.MEDIUM, "equals", "enforcing", "nist-800-53r5 CM-7"),
    rule("keys/in-use", Severity.LOW, "present", True),
    rule("records/read-weekly", Severity.LOW, "present", True, "nist-800-53r5 AU-6"),
    rule("tls/version", Severity.HIGH, "one_of", ("TLS 1.3", "TLS 1.2"), "nist-800-53r5 SC-13"),
)
FRAMEWORK = Framework(
    name="nist-800-53r5",
    title="NIST SP 800-53 revision 5",
    release="revision 5, moderate baseline",
    source="a sample",
    covers="a part",
    controls=(
        Control("AC-7", "Unsuccessful Logon Attempts", "covered", ""),
        Control("AC-8", "System Use Notification", "not", "no rule observes it"),
        Control("AU-6", "Audit Record Review", "partly", "a person has to say"),
        Control("CM-7", "Least Functionality", "partly", "a part of it"),
        Control("SC-12(1)", "Availability", "covered", ""),
        Control("SC-13", "Cryptographic Protection", "covered", ""),
    ),
)
TAILORED = Tailored("failures", "most failures", 5, 3, "Values of <b>the</b> Agency", "policy 7.3 & *more*")
PROFILE = AuditProfile("sample", "A sample & nothing <else>", "For tests.", RULES, (FRAMEWORK,), (TAILORED,))
WAIVED = Word("A gateway forwards; this is its purpose.", "Head of networks", "2027-03-31")


def finding(
    number: int, state: State, observed: Value, reason: str = "", source: str = "/etc/example", **more: Word
) -> Finding:
    return Finding(RULES[number], state, frozen(observed), source, reason, milliseconds=10 + number, **more)


def audit() -> Audit:
    findings = (
        finding(0, State.PASS, 5),
        finding(1, State.ERROR, None, "no gateway answers", "management socket"),
        finding(2, State.WAIVED, 1, "seen: 1; expected: exactly 0", word=WAIVED),
        finding(3, State.FAIL, "0666", f"seen: 0666; expected: no permission beyond 0640; {HOSTILE}", HOSTILE),
        finding(4, State.NOT_APPLICABLE, None, "this machine has no SELinux"),
        finding(5, State.PASS, {"names": ["a", HOSTILE], "good": True}),
        finding(6, State.MANUAL, None, "only a person can say"),
        finding(7, State.FAIL, "TLS 1.1", "seen: TLS 1.1; expected: one of TLS 1.3, TLS 1.2", "192.0.2.1:443"),
    )
    return Audit(
        PROFILE,
        "gateway-1",
        "0.1.0",
        BEGUN,
        ENDED,
        findings,
        ("the waiver of tls/other meets no failure: take it out",),
    )


def result() -> Kept:
    return kept.read(document(audit()), "the sample")
