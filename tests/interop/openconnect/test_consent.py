# SPDX-License-Identifier: GPL-3.0-or-later
"""The notice that must be accepted, with every client build: by option, and not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.interop import roots
from tests.interop.conftest import PASSWORD, Build, Field
from wolfguard.cli.demo.client import Client

BUILDS = [Build(root, 4) for root in roots.CLIENTS]


@pytest.fixture(scope="module")
def noticing(make_gateway: Callable[..., Field]) -> Field:
    def edit(document: dict[str, Any]) -> None:
        document["workers"] = 1
        document["sites"][0]["banner"] = {"login": "Authorised use only.", "consent": True}

    made = make_gateway(edit)
    made.add_user("alice")
    return made


@pytest.mark.parametrize("way", BUILDS, ids=lambda each: each.root.name)
def test_accepted_by_option(noticing: Field, way: Build, clients: list[Client]) -> None:
    client = way.client(noticing, "alice", PASSWORD, options=("--form-entry=consent:consent=accept",))
    clients.append(client)
    client.connect()
    assert client.said("Authorised use only")


def test_declined(noticing: Field, clients: list[Client]) -> None:
    client = BUILDS[0].client(noticing, "alice", PASSWORD, options=("--form-entry=consent:consent=decline",))
    clients.append(client)
    client.start()
    assert client.wait_end() != 0
    assert client.said("only when you accept")
    assert '"consent"' in noticing.events()
