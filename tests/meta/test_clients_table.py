# SPDX-License-Identifier: GPL-3.0-or-later
"""README's table of clients is made of what the interop tests have seen, and tells all of it."""

from __future__ import annotations

from tests.interop.sweep.clients_table import PROFILES, README, cell_text, read, rows, with_table
from wolfguard.policy.load import profile_names


def test_the_table_is_up_to_date() -> None:
    text = README.read_text("utf-8")
    assert text == with_table(text, read()), "run python -m tests.interop.sweep.clients_table"


def test_every_profile_and_client_is_in_it() -> None:
    results = read()
    assert set(PROFILES) == set(profile_names())
    assert len(results) >= 5
    assert all(set(entry["profiles"]) == set(PROFILES) for entry in results.values())
    assert len(rows(results)) == 2 + len(results)


def test_what_is_not_approved_says_so() -> None:
    tls = {"version": "TLS 1.2", "group": "secp384r1"}
    assert cell_text({"tls": tls, "datagram": None, "approved": False}) == "TLS 1.2, P-384, TLS, **not approved**"
    assert cell_text({"tls": None, "datagram": None, "approved": None}) == "refused"
