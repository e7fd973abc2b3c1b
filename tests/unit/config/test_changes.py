# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reload changes, and what it leaves to a restart."""

from __future__ import annotations

import dataclasses

from tests.unit.config.site_files import MINIMAL, configuration
from wolfguard.config import changes, schema
from wolfguard.config.site import Configuration

BEFORE = configuration(MINIMAL)


def after(text: str) -> Configuration:
    return configuration(text)


def test_nothing() -> None:
    assert changes.changed(BEFORE, configuration(MINIMAL)) == ()


def test_a_key_deep_in_a_list() -> None:
    found = changes.changed(BEFORE, after(MINIMAL + "    network: {mtu: 1300, dns: [10.0.0.1]}\n"))
    assert found == ("sites[0].network.mtu", "sites[0].network.dns")


def test_a_list_of_other_length_is_one_key() -> None:
    longer = dataclasses.replace(BEFORE, listeners=BEFORE.listeners * 2)
    assert changes.changed(BEFORE, longer) == ("listeners",)


def test_only_some_keys_wait_for_a_restart() -> None:
    text = MINIMAL.replace("443", "444") + "    timeouts: {login: 60, dpd: 30}\nworkers: 3\nlockout: {failures: 9}\n"
    assert changes.needs_restart(BEFORE, after(text)) == ("listeners[0].port", "sites[0].timeouts.login", "workers")


def test_datagrams_wait_for_a_restart() -> None:
    text = MINIMAL.replace("- port: 443", "- port: 443\n    udp: false") + "steer: flow\n"
    assert changes.needs_restart(BEFORE, after(text)) == ("listeners[0].udp", "steer")


def test_every_key_of_the_table_is_a_key_of_the_schema() -> None:
    known = {".".join(names).replace(".*", "[]") for names, _ in schema.walk()}
    assert set(changes.RESTART) <= known
