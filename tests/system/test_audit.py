# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit run` beside a real gateway: what is good passes, what is broken fails exactly its own rules, and
without a gateway no rule about it passes."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import PASSWORD, Field
from tests.interop.sweep.conftest import STRONG, certify
from tests.system.whole_gateway import until
from wolfguard.cli.demo import machine
from wolfguard.crypto.certificates import read_leaf
from wolfguard.crypto.digest import sha256
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


def login_file(folder: Path, pin: str = "") -> str:
    """Of a test account that every gateway here has."""
    file = folder / "login.yml"
    file.write_text(f"user: {ACCOUNT}\nsecrets: [{PASSWORD}]\n" + (f"pin: {pin}\n" if pin else ""))
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
        everything_inside(document)
        document["sites"][0]["crypto_profile"] = name

    return edit


def everything_inside(document: dict[str, Any]) -> None:
    """The demo's site sends two networks alone through the tunnel."""
    document["sites"][0]["network"]["split_include"] = []


def careless(document: dict[str, Any]) -> None:
    """A site file that is valid, and wrong wherever the profile "gateway" looks at what a site file sets."""
    site = document["sites"][0]
    site["crypto_profile"] = "compat"
    site["network"]["split_exclude"] = ["192.0.2.0/24"]
    site["timeouts"] = {"session": 604_800, "reconnect": 86_400, "dpd": 3600}
    site["sessions_per_user"] = 0


def careful(document: dict[str, Any]) -> None:
    """What the default profile wants of a site file, as far as one with local users alone can."""
    site = document["sites"][0]
    everything_inside(document)
    site["banner"] = {"login": "Authorised use only.", "consent": True}
    site["timeouts"] = {"idle": 900}
    site["sessions_per_user"] = 1


def with_account(field: Field) -> Field:
    field.add_user(ACCOUNT)
    return field


@pytest.fixture(scope="module")
def good(make_gateway: Make) -> Field:
    """The default site with its default limits, so that the sweep has to do with them."""
    return with_account(make_gateway(everything_inside))


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
        ("compat", {"tls/refuses-x25519-mlkem768", "dtls/refuses-without-ems"}),
        (
            "fips-strict",
            {
                "tls/agrees-on-hybrid-p256",
                "tls/agrees-on-hybrid-p384",
                "tls/finishes-hybrid-p256",
                "tls/finishes-hybrid-p384",
            },
        ),
    ],
)
def test_another_crypto_profile_fails_exactly_its_rules(make_gateway: Make, profile: str, rules: set[str]) -> None:
    field = with_account(make_gateway(with_profile(profile)))
    try:
        assert failed(field) == rules
    finally:
        field.gateway.stop()


def test_a_careless_site_file_fails_exactly_its_rules(make_gateway: Make) -> None:
    field = with_account(make_gateway(careless))
    try:
        assert failed(field) == {
            "tls/refuses-x25519-mlkem768",
            "dtls/refuses-without-ems",
            "network/no-split-tunnel",
            "network/dead-clients-noticed",
            "auth/session-has-an-end",
            "auth/lost-session-not-kept",
            "auth/sessions-limited",
        }
    finally:
        field.gateway.stop()


def test_a_listener_without_tls12_shows_its_chain_and_its_sessions(make_gateway: Make) -> None:
    def edit(document: dict[str, Any]) -> None:
        with_profile("cnsa-2.0-transition")(document)
        entries = document["sites"][0]["certificates"]
        own = [certify(entry, leaf) for entry, leaf in zip(entries, STRONG, strict=True)]
        Path(entries[0]["certificate"]).with_name("ca.pem").write_bytes(b"".join(own))

    field = with_account(make_gateway(edit))
    try:
        result = audited(field)
    finally:
        field.gateway.stop()
    found = {each["rule"]: each for each in result["findings"]}
    assert found["tls/finishes-tls12"]["state"] == "not-applicable"
    assert found["keys/chain-key-kinds"]["observed"] == ["secp384r1"]
    assert found["keys/chain-key-kinds"]["source"].endswith("chain over TLS 1.3")
    assert found["auth/cookie-dead-after-logout"]["state"] == "pass"
    # the certificates of this test are their own issuers
    assert found["keys/certificate-not-self-signed"]["state"] == "fail"
    assert [rule for rule, state in states(result, live_rules()).items() if state == "error"] == []


def of_a_client(found: dict[str, Any]) -> dict[str, str]:
    """States of rules that look as a client does."""
    probes = {"web", "session", "finished-handshake"}
    return {each["rule"]: each["state"] for each in found["findings"] if each["look"]["probe"] in probes}


def test_a_careful_site_file_passes_what_it_can(good: Field, make_gateway: Make) -> None:
    by_default = of_a_client(audited(good, profile="default"))
    factors = {"auth/several-factors", "auth/separate-server"}
    assert {rule for rule, state in by_default.items() if state == "fail"} == factors | {
        "auth/notice-before-login",
        "auth/notice-accepted",
        "auth/idle-session-ends",
        "auth/sessions-limited",
    }
    field = with_account(make_gateway(careful))
    try:
        found = of_a_client(audited(field, profile="default"))
    finally:
        field.gateway.stop()
    assert {rule for rule, state in found.items() if state != "pass"} == factors


def test_without_an_account_rules_of_sessions_are_errors(good: Field) -> None:
    command = [sys.executable, "-I", "-m", "wolfguard.cli", "--socket", str(good.site.control), "audit", "run"]
    command += ["--profile", "gateway", "--json"]
    result = subprocess.run(good.topology.gateway.inside(command), check=False, capture_output=True, text=True)
    found = {each["rule"]: each for each in json.loads(result.stdout)["findings"]}
    sessions = {rule: each for rule, each in found.items() if each["look"]["probe"] == "session"}
    assert len(sessions) > 12
    assert {each["state"] for each in sessions.values()} == {"error"}
    assert all("no test account was given" in each["reason"] for each in sessions.values())
    assert found["auth/forged-cookie-refused"]["state"] == "pass"


def test_a_wrong_account_is_an_error_and_named(good: Field, tmp_path: Path) -> None:
    file = tmp_path / "login.yml"
    file.write_text("user: nobody-here\nsecrets: [wrong horse]\n")
    file.chmod(0o600)
    (finding,) = [
        each for each in audited(good, "--login", str(file))["findings"] if each["rule"] == "auth/session-has-an-end"
    ]
    assert finding["state"] == "error"
    assert "the test account is not let in" in finding["reason"]


def test_nothing_of_a_session_is_left(good: Field) -> None:
    audited(good)
    # the answer to the last logout may come before the session is gone
    until(lambda: '"user":' not in good.site.wolfguard("sessions", "--json").stdout, "no session", 5.0)


def test_a_gateway_that_learns_is_weakened(make_gateway: Make) -> None:
    field = with_account(make_gateway(everything_inside, options=("--learn", "all")))
    try:
        found = states(audited(field), live_rules() - (BY_MACHINE - {WEAKENED}))
    finally:
        field.gateway.stop()
    assert {rule for rule, state in found.items() if state == "fail"} == {WEAKENED}


def test_a_packet_filter_that_somebody_flushed(make_gateway: Make) -> None:
    field = make_gateway(everything_inside)
    # netd puts back what it misses every few seconds, so that once would not be enough on a slow machine
    again = ["sh", "-c", "while nft flush ruleset; do sleep 0.02; done"]
    with subprocess.Popen(field.topology.gateway.inside(again)) as flushing:
        try:
            found = states(audited(field), live_rules() - BY_MACHINE)
        finally:
            flushing.kill()
            field.gateway.stop()
    assert {rule for rule, state in found.items() if state == "fail"} == {
        "network/gateway-rules-loaded",
        "network/gateway-rules-complete",
        "network/anti-spoofing",
    }


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
    (certificate,) = (
        each["certificate"] for each in good.site.document["sites"][0]["certificates"] if "ecdsa" in each["certificate"]
    )
    spki = sha256(read_leaf(Path(certificate).read_bytes()).spki)
    command += ["--login", login_file(good.site.folder, f"pin-sha256:{base64.b64encode(spki).decode()}")]
    result = subprocess.run(good.topology.client.inside(command), check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found = {each["rule"]: each for each in json.loads(result.stdout)["findings"]}
    outside = ("handshake", "datagrams", "finished-handshake", "web")
    swept = {rule: each["state"] for rule, each in found.items() if each["look"]["probe"] in outside}
    assert len(swept) > 40
    assert set(swept.values()) == {"pass"}, swept
    assert found["confinement/filtered"]["state"] == "error"
    assert found["keys/chain-signatures"]["state"] == "pass"
    ended = found["auth/cookie-dead-after-logout"]
    assert ended["state"] == "pass", ended["reason"]
    assert found["records/sessions-recorded"]["state"] == "error"
