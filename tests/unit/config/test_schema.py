# SPDX-License-Identifier: GPL-3.0-or-later
"""Complaints about single keys: file, line, key, value and what is allowed; and a schema that fits the objects."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import pytest

from tests.unit.config.site_files import MINIMAL, configuration
from wolfguard.config import build, schema
from wolfguard.config.document import parse
from wolfguard.config.formats import FORMATS
from wolfguard.config.reference import COMPUTED
from wolfguard.config.site import Configuration
from wolfguard.errors import ConfigurationError
from wolfguard.sandbox import weakening


def complaints(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        schema.validate(parse(text.encode(), "site.yml"))
    return str(caught.value).splitlines()


def test_weakenings_have_the_words_of_the_sandbox() -> None:
    rules = dict(schema.walk())
    assert tuple(rules["confinement", "allow", "*"]["allowed"]) == weakening.WORDS
    parsed = configuration(MINIMAL + "confinement: {allow: [unlocked-keys]}\n")
    assert parsed.confinement.allow == (weakening.UNLOCKED_KEYS,)
    assert configuration(MINIMAL).confinement.allow == ()


def test_the_smallest_file_is_good() -> None:
    schema.validate(parse(MINIMAL.encode(), "site.yml"))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("workers: 65", "site.yml:8: workers: is 65; allowed: 0 to 64"),
        ("workers: many", "site.yml:8: workers: is 'many'; allowed: 0 to 64"),
        ("workers: true", "site.yml:8: workers: is true; allowed: 0 to 64"),
        ("workers:", "site.yml:8: workers: is empty; allowed: 0 to 64"),
        ("worker: 1", "site.yml:8: worker: unknown key; did you mean workers?"),
        ("tun_prefix: wgvpn", "site.yml:8: tun_prefix: is 'wgvpn'; allowed: two to ten lower-case letters, not "),
        ("records: {target: syslog}", "site.yml:8: records.target: is 'syslog'; allowed: journald, file, stderr"),
        ("confinement: {allow: [all]}", "confinement.allow[0]: is 'all'; allowed: no-landlock, unlocked-keys"),
        ("records: file", "site.yml:8: records: is 'file'; allowed: keys with values below it"),
        ("firewall: {masquerade: yes}", "site.yml:8: firewall.masquerade: is 'yes'; allowed: true or false"),
        (
            "firewall: {forward_to: [10.0.0.1/8]}",
            "firewall.forward_to[0]: is '10.0.0.1/8'; allowed: a network; did you",
        ),
        ("firewall: {forward_to: [10.0.0.1]}", "allowed: a network with its prefix length, such as 10.0.0.1/32"),
        ("paths: {state: var/lib}", "site.yml:8: paths.state: is 'var/lib'; allowed: an absolute path"),
        ('paths: {state: "/var/lib\\n"}', "allowed: text without line breaks and control characters"),
        ("passwords: {minimum_length: 4}", "passwords.minimum_length: is 4; allowed: 8 to 128 characters"),
        ("? ''\n: 1", "site.yml:8: a key that is not a plain word"),
    ],
)
def test_complaints(line: str, complaint: str) -> None:
    assert any(complaint in found for found in complaints(f"{MINIMAL}{line}\n"))


@pytest.mark.parametrize("text", ["", "- a\n", "word\n", "3\n"])
def test_a_file_that_is_no_mapping(text: str) -> None:
    assert complaints(text) == [
        "site.yml:1: (the file): the file must have the keys listeners and sites; see wolfguard config show --defaults"
    ]


def test_all_complaints_come_at_once_in_the_order_of_the_file() -> None:
    found = complaints("listeners: []\nsites:\n  - nam: x\nworkers: -1\n")
    keys = [line.split(": ")[1] for line in found]
    assert keys[0] == "listeners"
    assert set(keys[1:4]) == {"sites[0].name", "sites[0].certificates", "sites[0].nam"}
    assert keys[4:] == ["workers"]


def test_what_this_version_cannot_do_is_refused() -> None:
    text = MINIMAL.replace("- port: 443", "- proxy_protocol: true")
    assert complaints(text) == ["site.yml:2: listeners[0].proxy_protocol: is true; allowed: false"]


def test_the_number_of_complaints_is_bounded() -> None:
    text = MINIMAL + "firewall:\n  forward_to: [" + ", ".join(["x"] * 100) + "]\n"
    found = complaints(text)
    assert len(found) == schema.SHOWN_PROBLEMS + 1
    assert found[-1] == "site.yml: and 80 more; correct these first"


def test_a_pasted_private_key_is_not_repeated() -> None:
    text = MINIMAL.replace("/tls/vpn.key", '"-----BEGIN PRIVATE KEY-----MIGHAgEA"')
    assert "MIGHAgEA" not in "\n".join(complaints(text))


def test_every_format_of_the_schema_exists_and_is_used() -> None:
    used = {rule["meta"]["format"] for _, rule in schema.walk() if "format" in rule.get("meta", {})}
    assert used | {"line"} == set(FORMATS) | {"line"}


def test_every_key_has_documentation() -> None:
    assert [names for names, rule in schema.walk() if names[-1] != "*" and not rule.get("meta", {}).get("doc")] == []


def test_the_schema_has_the_fields_of_the_objects() -> None:
    of_schema = {names for names, _ in schema.walk() if names[-1] != "*"}
    assert of_schema == set(fields(Configuration, ()))


def fields(kind: Any, above: tuple[str, ...]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, hint in build.field_types(kind).items():
        if name in COMPUTED:
            continue
        names = (*above, name)
        found.append(names)
        inner = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint
        if dataclasses.is_dataclass(inner):
            found += fields(inner, (*names, "*") if inner is not hint else names)
    return found
