# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit run` beside a real gateway: what is good passes, what is broken fails exactly its own rules, and
without a gateway no rule about it passes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import PASSWORD, Field
from wolfguard.cli.demo import machine
from wolfguard.policy.controls import read_audit_profile
from wolfguard.sandbox import weakening

LIVE = {
    "gateway", "confinement", "handshake", "datagrams", "certificate", "finished-handshake", "web", "session",
    "records",
}  # fmt: skip
WEAKENED = "confinement/nothing-weakened"
REFUSED = machine.refused()
# Other gateways may run on a machine that tests, and it may refuse a part of the confinement.
ACCOUNT = "auditor"
BY_MACHINE = {
    "confinement/no-strangers",
    *([WEAKENED] if REFUSED else []),
    *(["confinement/landlock"] if weakening.NO_LANDLOCK in REFUSED else []),
}
Make = Callable[..., Field]
States = dict[str, str]


def login_file(folder: Path) -> str:
    """Of a test account that every gateway here has."""
    file = folder / "login.yml"
    file.write_text(f"user: {ACCOUNT}\nsecrets: [{PASSWORD}]\n")
    file.chmod(0o600)
    return str(file)


def audited(field: Field, *words: str, profile: str = "gateway") -> dict[str, Any]:
    """The result of a profile, looked for in the gateway's network namespace."""
    command = [sys.executable, "-I", "-m", "wolfguard.cli", "--socket", str(field.site.control), "audit", "run"]
    command += ["--profile", profile, "--fail-on", "never", "--json", "--login", login_file(field.site.folder), *words]
    result = subprocess.run(field.topology.gateway.inside(command), check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def states(result: dict[str, Any], rules: Iterable[str]) -> States:
    found = {finding["rule"]: finding["state"] for finding in result["findings"]}
    return {rule: found[rule] for rule in rules}


def live_rules() -> set[str]:
    """Those that look at a running gateway, and those that apply only beside one."""
    return {
        rule.id
        for rule in read_audit_profile("gateway").rules
        if rule.observe.look.probe in LIVE
        or (rule.condition is not None and rule.condition.observe.look.probe in {"gateway"})
    }


def failed(field: Field, *words: str) -> set[str]:
    """Live rules that fail, and those that depend on the machine left out."""
    found = states(audited(field, *words), live_rules())
    assert "error" not in found.values(), found
    return {rule for rule, state in found.items() if state == "fail"} - BY_MACHINE


def with_profile(name: str) -> Callable[[dict[str, Any]], None]:
    def edit(document: dict[str, Any]) -> None:
        document["sites"][0]["crypto_profile"] = name

    return edit


@pytest.fixture(scope="module")
def good(make_gateway: Make) -> Field:
    """The default site with its default limits, so that the sweep has to do with them."""
    made = make_gateway()
    made.add_user(ACCOUNT)
    return made


def test_a_good_gateway_passes_every_live_rule(good: Field) -> None:
    assert failed(good) == set()


def test_no_secret_is_in_a_result(good: Field, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    audited(good, "--output", str(folder))
    told = "".join(file.read_text() for file in folder.iterdir())
    assert len(told) > 10_000
    secrets = [PASSWORD, *(file.read_text().splitlines()[1] for file in (good.site.folder / "pki").glob("*.key"))]
    secrets += [
        line.split(":")[1] for line in Path("/etc/shadow").read_text().splitlines() if len(line.split(":")[1]) > 8
    ]
    assert [secret for secret in secrets if secret in told] == []


@pytest.mark.parametrize(
    ("profile", "rules"),
    [
        ("compat", {"tls/refuses-x25519-mlkem768"}),
        ("fips-strict", {"tls/agrees-on-hybrid-p256", "tls/agrees-on-hybrid-p384"}),
    ],
)
def test_another_crypto_profile_fails_exactly_its_rules(make_gateway: Make, profile: str, rules: set[str]) -> None:
    field = make_gateway(with_profile(profile))
    try:
        assert failed(field) == rules
    finally:
        field.gateway.stop()


def test_a_gateway_that_learns_is_weakened(make_gateway: Make) -> None:
    field = make_gateway(options=("--learn", "all"))
    try:
        found = states(audited(field), live_rules() - (BY_MACHINE - {WEAKENED}))
    finally:
        field.gateway.stop()
    assert {rule for rule, state in found.items() if state == "fail"} == {WEAKENED}


def test_a_packet_filter_that_somebody_flushed(make_gateway: Make) -> None:
    field = make_gateway()
    try:
        field.topology.gateway.run("nft", "flush", "ruleset")
        assert failed(field) == {
            "network/gateway-rules-loaded",
            "network/gateway-rules-complete",
            "network/anti-spoofing",
        }
    finally:
        field.gateway.stop()


def test_a_stranger_under_an_account_of_the_gateway(good: Field) -> None:
    command = ["setpriv", "--reuid", "wolfguard-keyd", "--clear-groups", "sleep", "600"]
    with subprocess.Popen(command) as stranger:
        try:
            (finding,) = [each for each in audited(good)["findings"] if each["rule"] == "confinement/no-strangers"]
        finally:
            stranger.kill()
    assert finding["state"] == "fail"
    assert any(f"({stranger.pid})" in each for each in finding["observed"])


def test_without_the_gateway_every_live_rule_is_an_error(make_gateway: Make) -> None:
    field = make_gateway()
    field.gateway.stop()
    found = states(audited(field), live_rules())
    # SELinux is asked first, and a kernel without it has no types to be wrong
    found.pop("confinement/selinux-types")
    assert found == dict.fromkeys(found, "error")


def test_a_listener_over_the_network(good: Field) -> None:
    """From the client's side, with no gateway to ask: the sweep says the same, what needs the gateway is an error."""
    command = [sys.executable, "-I", "-m", "wolfguard.cli", "--socket", "/nonexistent", "audit", "run", "--json"]
    command += ["--profile", "gateway", "--fail-on", "never", "--listener", f"{good.topology.GATEWAY_V4}:443"]
    command += ["--server-name", "vpn.example.test"]
    result = subprocess.run(good.topology.client.inside(command), check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found = {each["rule"]: each for each in json.loads(result.stdout)["findings"]}
    swept = {rule: each["state"] for rule, each in found.items() if each["look"]["probe"] in ("handshake", "datagrams")}
    assert len(swept) > 25
    assert set(swept.values()) == {"pass"}, swept
    assert found["confinement/filtered"]["state"] == "error"
    assert found["keys/chain-signatures"]["state"] == "pass"
