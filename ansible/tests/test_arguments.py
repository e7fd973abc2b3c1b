# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables are judged before anything is touched: what is wrong is named with its reason and an example."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

ANSIBLE = Path(__file__).resolve().parents[1]
EXAMPLE = ANSIBLE / "inventories" / "example" / "group_vars" / "gateways" / "main.yml"

_specification = importlib.util.spec_from_file_location("arguments", ANSIBLE / "plugins" / "filter" / "arguments.py")
assert _specification is not None
assert _specification.loader is not None
arguments = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(arguments)


@pytest.fixture
def variables() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    return loaded


def test_the_example_inventory_is_right(variables: dict[str, Any]) -> None:
    assert arguments.argument_errors(variables) == []


@pytest.mark.parametrize("name", ["firewall_ssh_from", "pki_names", "gateway_configuration"])
def test_a_missing_variable(variables: dict[str, Any], name: str) -> None:
    del variables[name]
    errors = arguments.argument_errors(variables)
    assert errors
    for error in errors:
        assert error.startswith(f"{name} is missing. ")
        assert "Example: " in error


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("pki_mode", "labs", "is not one of site, lab"),
        ("gateway_configuration", ["listeners"], "is not of kind dict"),
        ("firewall_ssh_port", "ssh", "is not of kind int"),
        ("firewall_ssh_from", ["192.0.2.1/24"], "is wrong: entry 1 of it is not a network"),
        ("firewall_ssh_from", ["192.0.2.0/24", "office"], "is wrong: entry 2 of it is not a network"),
        ("firewall_ssh_port", 70000, "is wrong: its value is not a port"),
        ("firewall_tcp_ports", [443, 0], "is wrong: entry 2 of it is not a port"),
        ("verify_fail_on", "none", "is not one of low, medium, high, never"),
        ("verify_waivers", "/nowhere/waivers.yml", "is wrong: its value is not a file on this controller"),
        ("gateway_secrets", {"a/b": "x"}, "is wrong: its value is not names of files"),
        ("gateway_secrets", {"radius": 7}, "is wrong: its value is not names of files"),
        ("verify_profile", "defalt", "is wrong: its value is not one of "),
        ("wolfguard_bundle", "/nowhere/bundle.tar", "is wrong: its value is not a file on this controller"),
        ("wolfguard_bundle_sha384", "38b060", "is wrong: its value is not a SHA-384"),
        ("pki_names", ["vpn.example.org", "a b"], "is wrong: entry 2 of it is not a name in the DNS"),
        ("pki_names", ["$(reboot).example.org"], "is wrong: entry 1 of it is not a name in the DNS"),
        ("pki_names", [], "is wrong: it, being empty, is not a name in the DNS"),
        ("base_journal_maximum", "much", "is wrong: its value is not a size"),
        ("gateway_configuration", {"listeners": [], "sites": []}, "is wrong: its value is not a site file"),
        ("gateway_configuration", {"listeners": [{"port": "x"}], "sites": [{}]}, "is wrong: its value is not a site"),
    ],
)
def test_a_wrong_value(variables: dict[str, Any], name: str, value: object, reason: str) -> None:
    errors = arguments.argument_errors({**variables, name: value})
    assert errors
    for error in errors:
        assert error.startswith(f"{name} {reason}")
        assert "Example: " in error


def test_an_unknown_variable_and_the_nearest_known_one(variables: dict[str, Any]) -> None:
    errors = arguments.argument_errors({**variables, "base_journal_maximun": "1G"})
    assert errors == ["base_journal_maximun is no variable of role base; did you mean base_journal_maximum?"]
    errors = arguments.argument_errors({**variables, "wolfguard_bundel": "x"})
    assert errors == ["wolfguard_bundel is no variable of the playbook; did you mean wolfguard_bundle?"]


def test_a_secret_in_the_site_file_itself(variables: dict[str, Any]) -> None:
    secret = "correct horse battery staple"
    servers = [{"address": "192.0.2.1", "secret": "/etc/wolfguard-gateway/secrets/radius"}, {"secret": secret}]
    site = {**variables["gateway_configuration"], "backends": [{"radius": {"servers": servers}}]}
    errors = arguments.argument_errors({**variables, "gateway_configuration": site})
    place = "backends[0].radius.servers[1].secret"
    assert errors
    for error in errors:
        assert error.startswith(f"gateway_configuration is wrong: {place} is not the path of a file on the machine. ")
        assert "horse" not in error


def test_no_value_is_told(variables: dict[str, Any]) -> None:
    secret = "correct horse battery staple"
    errors = arguments.argument_errors({**variables, "gateway_configuration": secret, "pki_key": secret})
    assert len(errors) == 3
    assert not [error for error in errors if "horse" in error]
