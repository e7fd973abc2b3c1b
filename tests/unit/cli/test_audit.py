# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit` and `wolfguard policy`: exit codes, files, refusals. The looking is tested beside its parts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.cli.running import fill, running
from wolfguard.cli.root import command
from wolfguard.crypto.digest import sha256
from wolfguard.policy.controls import (
    DEFAULT_PROFILE,
    audit_profile_names,
    framework_names,
    read_audit_profile,
)
from wolfguard.policy.rules import rule_ids

NOWHERE = "/nonexistent/control.sock"


def run(*words: str, socket: str | Path = NOWHERE) -> Result:
    return CliRunner().invoke(command, ["--socket", str(socket), *words])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    folder = tmp_path_factory.mktemp("audit") / "result"
    return run("audit", "run", "--profile", "gateway", "--fail-on", "never", "--output", str(folder)), folder


def test_a_result_is_kept_in_canonical_bytes_for_its_owner_alone(kept: tuple[Result, Path]) -> None:
    result, folder = kept
    assert result.exit_code == 0, result.output
    encoded = (folder / "result.json").read_bytes()
    assert f"SHA-256 {sha256(encoded).hex()}" in result.output
    document = json.loads(encoded)
    assert json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() == encoded
    assert document["format"] == "wolfguard-audit/1"
    assert sum(document["counts"].values()) == len(document["findings"])
    assert "." not in str(document["counts"])
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert result.output.splitlines()[0] in (folder / "report.txt").read_text()


def test_a_result_is_never_overwritten(kept: tuple[Result, Path]) -> None:
    result = run("audit", "run", "--profile", "gateway", "--output", str(kept[1]))
    assert result.exit_code == 1
    assert "is there already" in result.output


def test_without_a_gateway_the_exit_code_says_that_nobody_could_look() -> None:
    result = run("audit", "run", "--profile", "gateway", "--fail-on", "high")
    assert result.exit_code == 7, result.output
    assert "Could not be looked at" in result.output
    assert "no gateway answers" in result.output


def test_a_failure_outweighs_what_could_not_be_looked_at() -> None:
    """No build that tests run with is validated."""
    result = run("audit", "run", "--profile", "disa-vpn-srg", "--fail-on", "high", "--json")
    assert result.exit_code == 6, result.output
    document = json.loads(result.stdout)
    assert document["counts"]["fail"] > 0
    assert json.loads(result.stderr)["error"]["code"] == "requirement"


def test_a_gateway_that_has_said_little(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        fill(site)
        result = run("audit", "run", "--profile", "gateway", "--fail-on", "never", "--json", socket=site.path)
    found = {each["rule"]: each for each in json.loads(result.stdout)["findings"]}
    assert found["confinement/filtered"]["state"] == "error"
    assert found["fips/gateway-self-tests"]["state"] == "pass"


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("--profile", "nothing"), 1, "there is no audit profile 'nothing'"),
        (("--listener", "vpn.example.test"), 2, "takes ADDRESS:PORT"),
        (("--listener", "[::1]:70000"), 2, "takes ADDRESS:PORT"),
        (("--waivers", "/nonexistent/waivers.yml"), 1, "no such regular file"),
        (("--output", "/proc/self/here"), 1, "cannot be made"),
        (("--fail-on", "severe"), 2, "severe"),
    ],
)
def test_refusals(words: tuple[str, ...], code: int, complaint: str) -> None:
    result = run("audit", "run", *words)
    assert result.exit_code == code, result.output
    assert complaint in result.output


def test_waivers_are_told(tmp_path: Path) -> None:
    file = tmp_path / "waivers.yml"
    file.write_text(
        "waivers:\n"
        "  - {rule: fips/module-level, justification: a laboratory, approver: J. Doe, expires: 2020-01-01}\n"
        "  - {rule: host/unknown, justification: a laboratory, approver: J. Doe, expires: 2020-01-01}\n"
    )
    result = run("audit", "run", "--profile", "disa-vpn-srg", "--fail-on", "never", "--waivers", str(file))
    assert "the waiver of fips/module-level expired on 2020-01-01" in result.output
    assert "the waiver of host/unknown names a rule that there is not" in result.output
    assert run("policy", "check", "--waivers", str(file)).exit_code == 1


def test_policy_list_and_check() -> None:
    listed = json.loads(run("policy", "list", "--json").output)
    default = read_audit_profile(DEFAULT_PROFILE).rules
    assert [rule["rule"] for rule in listed["rules"]] == [rule.id for rule in default]
    benchmark = json.loads(run("policy", "list", "--json", "--profile", "cis-debian12").output)["rules"]
    assert {rule["rule"] for rule in (*listed["rules"], *benchmark)} == set(rule_ids())
    assert listed["profiles"] == list(audit_profile_names())
    assert "host/swap-encrypted" in run("policy", "list").output
    checked = run("policy", "check")
    assert checked.exit_code == 0
    assert checked.output.startswith(f"good: {len(rule_ids())} rules")


def test_policy_show() -> None:
    text = run("policy", "show", "tls/refuses-tls11").output
    for word in ("a pass shows", "it does not show", "SRG-NET-000530-VPN-002340", "one of refused, closed"):
        assert word in text
    assert json.loads(run("policy", "show", "tls/refuses-tls11", "--json").output)["severity"] == "high"
    for name in framework_names():
        assert run("policy", "show", name).exit_code == 0
        assert json.loads(run("policy", "show", name, "--json").output)["controls"]
    assert run("policy", "show", "../secrets").exit_code == 1


def test_a_terminal_sees_how_far_it_is() -> None:
    """On a terminal a line on standard error counts, and is wiped at the end; a pipe sees none of it."""
    command = [sys.executable, "-I", "-m", "wolfguard.cli", "--socket", NOWHERE, "audit", "run", "--fail-on", "never"]
    master, slave = os.openpty()
    try:
        with subprocess.Popen([*command, "--profile", "gateway"], stdout=subprocess.PIPE, stderr=slave) as process:
            os.close(slave)
            shown = b""
            while b"\x1b[K" not in shown[-8:] or not re.search(rb"(\d+) of \1 ", shown):
                shown += os.read(master, 4096)
            assert process.stdout is not None
            told = process.stdout.read()
        assert process.returncode == 0
    finally:
        os.close(master)
    assert b"\x1b" not in told
    assert b"wolfguard audit of" in told


TAILORING = (
    "title: Values of the Example Agency\nvariables: {concurrent_sessions: {value: 2, reason: two devices each}}\n"
)


def test_a_sites_values_are_shown_and_stand_in_the_result(tmp_path: Path) -> None:
    file = tmp_path / "tailoring.yml"
    file.write_text(TAILORING)
    words = ("--tailoring", str(file))
    result = run("audit", "run", "--profile", "gateway", "--fail-on", "never", "--json", *words)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert [(each["name"], each["value"], each["origin"]) for each in document["tailored"]] == [
        ("concurrent_sessions", 2, "Values of the Example Agency")
    ]
    (finding,) = [each for each in document["findings"] if each["rule"] == "auth/sessions-limited"]
    assert finding["variables"] == {"concurrent_sessions": 2}
    assert finding["expected"] == {"at_most": 2}
    shown = run("policy", "show", "concurrent_sessions", *words).output
    assert "a number from 1 to 5" in shown
    assert "is set to  2" in re.sub(r" {2,}", "  ", shown)
    assert "instead of 1 (Values of the Example Agency)" in run("policy", "show", "gateway", *words).output
    assert "2; a number from 1 to 5" in run("policy", "show", "auth/sessions-limited", *words).output
    assert "1 variables" in run("policy", "check", *words).output
    file.write_text(TAILORING.replace("2", "6"))
    refused = run("audit", "run", *words)
    assert refused.exit_code == 1
    assert "concurrent_sessions must be a number from 1 to 5" in refused.stderr
