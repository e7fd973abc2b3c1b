# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of the site file say what the code does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.unit.config.site_files import MINIMAL, configuration
from wolfguard.config import checks, reference
from wolfguard.config.document import parse
from wolfguard.config.site import Certificate, Configuration, Listener, Site

DOCS = Path(__file__).parents[3] / "docs"


def test_the_default_file_is_good_and_holds_the_defaults() -> None:
    made = configuration(reference.default_file())
    site = made.sites[0]
    certificates = (Certificate(site.certificates[0].certificate, site.certificates[0].key),)
    expected = Site(name="main", certificates=certificates, crypto=site.crypto)
    assert made == Configuration(listeners=(Listener(),), sites=(expected,))
    assert checks.problems(made) == []


def test_the_file_in_effect_means_the_same() -> None:
    text = MINIMAL + (
        '    banner: {login: "two\\nlines: \\"yes\\"", session: "true"}\n'
        "    groups: [{name: staff, network: {dns: [2001:db8::1]}}, {name: b}]\n"
        "firewall: {forward_to: [], masquerade: true}\n"
    )
    made = configuration(text)
    assert configuration(reference.file_in_effect(made)) == made


def test_the_committed_page_is_the_generated_one() -> None:
    assert (DOCS / "reference" / "configuration.md").read_text() == reference.markdown(), (
        "run: wolfguard documents docs"
    )


def test_an_entry() -> None:
    (entry,) = [entry for entry in reference.entries() if entry.key == "sites[].network.mtu"]
    assert dataclasses.asdict(entry) == {
        "key": "sites[].network.mtu",
        "doc": "Largest inner packet. At least 1280 where there is an IPv6 pool.",
        "kind": "number",
        "allowed": "576 to 9000 bytes",
        "default": "1400",
        "example": "",
        "required": False,
        "restart": "",
    }


@pytest.mark.parametrize("value", ["plain", "true", "null", "", "10.0.0.0/8", "::", "a: b", "Grüße", "'", "-", 3, True])
def test_scalars_come_back(value: object) -> None:
    assert parse(f"key: {reference.scalar(value)}".encode(), "f").data == {"key": value}


def test_the_file_in_the_how_to_is_good() -> None:
    text = (DOCS / "how-to" / "first-gateway.md").read_text()
    block = text.partition("```yaml\n")[2].partition("```")[0]
    made = configuration(block)
    assert checks.problems(made) == []
    assert checks.warnings(made) == []
