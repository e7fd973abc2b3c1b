# SPDX-License-Identifier: GPL-3.0-or-later
"""A small audit with a finding in every state, and hostile text where a machine could put some."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from wolfguard.audit.result import Audit, Finding, State, Word
from wolfguard.policy.controls import read_audit_profile
from wolfguard.policy.rules import read_rule

BEGUN: Final = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
HOSTILE: Final = "\x1b[2J<script>alert(1)</script>\x00]]>&\u202e"


CONTROLS: Final = (
    "SRG-NET-000041-VPN-000110",
    "SRG-NET-000062-VPN-000200",
    "SRG-NET-000132-VPN-000450",
    "SRG-NET-000074-VPN-000250",
)


def made_up(place: str = "gateway-1") -> Audit:
    findings = (
        Finding(read_rule("tls/refuses-tls11"), State.PASS, "refused", "192.0.2.1:443, offer tls11", milliseconds=12),
        Finding(
            read_rule("network/tcp-ports-declared"), State.FAIL, (22, 443, 3306), "/proc/net/tcp, tcp6",
            "seen: 22, 443, 3306; expected: nothing beyond 22, 443", milliseconds=3,
        ),
        Finding(
            read_rule("keys/private-keys-closed"), State.FAIL, (HOSTILE,), "/etc/wolfguard-gateway",
            f"seen: {HOSTILE}; expected: none", milliseconds=1,
        ),
        Finding(read_rule("confinement/filtered"), State.ERROR, None, "confinement", "no gateway answers"),
        Finding(read_rule("auth/ssh-no-root"), State.NOT_APPLICABLE, None, "sshd -T", "there is no SSH server here"),
        Finding(
            read_rule("host/swap-encrypted"), State.WAIVED, ("/dev/sda2",), "/proc/swaps",
            "seen: /dev/sda2; expected: none", Word("the laboratory has no secrets", "J. Doe", "2026-12-31"),
        ),
        Finding(read_rule("records/records-reviewed"), State.MANUAL, None, "attestations", "Who reads them?"),
    )  # fmt: skip
    profile = read_audit_profile("disa-vpn-srg")
    (framework,) = profile.frameworks
    few = tuple(control for control in framework.controls if control.id in CONTROLS)
    rules = tuple(finding.rule for finding in findings)
    chosen = replace(profile, rules=rules, frameworks=(replace(framework, controls=few),))
    remarks = ("the waiver of host/unknown names a rule that there is not",)
    return Audit(chosen, place, "1.0", BEGUN, BEGUN.replace(second=4), findings, remarks)
