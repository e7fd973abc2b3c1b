# SPDX-License-Identifier: GPL-3.0-or-later
"""To whom the test account is shown: a listener of this machine, or one whose key is pinned."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.unit.audit.fake_place import FakePlace, see
from tests.unit.audit.tls.servers import Keys, make_keys, openssl
from wolfguard.audit.account import Account
from wolfguard.audit.observation import Observation
from wolfguard.audit.probes.dialled import Dialled
from wolfguard.audit.vantage import Listener
from wolfguard.secret import Secret

ACCOUNT = Account("auditor", (Secret(b"hidden-word"),))
OTHER = "pin-sha256:" + base64.b64encode(bytes(32)).decode()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def listener(keys: Keys) -> Iterator[Listener]:
    """It answers each request with a page of its own, which is no form for a login."""
    with openssl(keys, "ecdsa", "-tls1_3", "-www") as found:
        yield found


def lived(listener: Listener, account: Account) -> Observation:
    return see("session", FakePlace(), {}, listener=lambda: listener, account=account)


def pin(listener: Listener) -> str:
    with Dialled(listener, "modern") as connection:
        certificate = connection.chain[0]
    key = subprocess.run(
        ["openssl", "x509", "-inform", "der", "-noout", "-pubkey"], input=certificate, capture_output=True, check=True
    ).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=key, capture_output=True, check=True)
    return f"pin-sha256:{base64.b64encode(hashlib.sha256(der.stdout).digest()).decode()}"


def test_another_key_than_the_pinned_one(listener: Listener) -> None:
    assert "not the one that the login file pins" in lived(listener, replace(ACCOUNT, pin=OTHER)).problem


def test_a_listener_elsewhere_without_a_pin(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dialled, "here", False)
    assert "must be pinned" in lived(listener, ACCOUNT).problem


def test_the_pinned_key_is_spoken_to(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dialled, "here", False)
    problem = lived(listener, replace(ACCOUNT, pin=pin(listener))).problem
    assert problem != ""
    assert "pin" not in problem


def test_and_so_is_one_of_this_machine(listener: Listener) -> None:
    assert "pin" not in lived(listener, ACCOUNT).problem
