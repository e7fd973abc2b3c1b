# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of probes that rules can name is the list of those that there are."""

from __future__ import annotations

from tests.unit.audit.fake_place import FakePlace, vantage
from wolfguard.audit.probes import PROBES, observe
from wolfguard.policy.rule import ATTESTATION, Look
from wolfguard.policy.rules import probes


def test_the_two_lists_agree() -> None:
    assert set(PROBES) == set(probes()) - {ATTESTATION}


def test_every_probe_says_what_it_sees() -> None:
    for name, probe in probes().items():
        assert probe["sees"], name
        assert probe["keys"], name
        assert all(isinstance(text, str) for text in probe["keys"].values()), name


def test_what_could_not_be_looked_at_names_its_probe() -> None:
    found = observe(Look("gateway"), vantage(FakePlace()))
    assert (found.source, found.problem) == ("gateway", "no gateway answers")
