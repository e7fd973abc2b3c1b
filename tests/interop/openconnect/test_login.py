# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins of every client build over IPv4 and IPv6: what a person types and what the client says."""

from __future__ import annotations

import json

from tests.interop.conftest import PASSWORD, WRONG, Build, Field
from wolfguard.cli.demo.client import Client


def test_right_password(field: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(field, "alice", PASSWORD, options=("--authgroup=staff",))
    clients.append(client)
    address = client.connect()
    assert address.startswith("10.99.")
    sessions = json.loads(field.site.wolfguard("sessions", "--json").stdout)["sessions"]
    session = next(each for each in sessions if each["ipv4"] == address)
    assert session["user"] == "alice"
    assert session["tls"]["version"] == "TLS 1.3"
    assert session["ipv6"].startswith("fd99::")


def test_wrong_then_right(field: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(field, "alice", WRONG, PASSWORD, options=("--authgroup=staff",))
    clients.append(client)
    client.connect()
    assert client.said("Login failed")


def test_unknown_user(field: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(field, "nobody-here", PASSWORD, options=("--authgroup=staff",))
    clients.append(client)
    client.start()
    assert client.wait_end() != 0
    assert client.said("Login failed")
    assert "nobody-here" in field.events()


def test_group_choice(field: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(field, "alice", PASSWORD, options=("--authgroup=guests",))
    clients.append(client)
    address = client.connect()
    sessions = json.loads(field.site.wolfguard("sessions", "--json").stdout)["sessions"]
    assert next(each for each in sessions if each["ipv4"] == address)["group"] == "guests"
