# SPDX-License-Identifier: GPL-3.0-or-later
"""The example of docs/how-to/write-a-backend.md as an administrator would use it: installed for the gateway's
interpreter, as the second factor of a site, run by a confined authd, asked by the real client."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.interop import roots
from tests.interop.conftest import PASSWORD, Build, Field
from tests.system.whole_gateway import sessions, status
from wolfguard.cli.demo.client import Client

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "write-a-backend.md"
BUILD = Build(roots.TRIXIE, 4)
MODULE = "example_backend"


@pytest.fixture(scope="module")
def installed() -> Iterator[None]:
    """Where the interpreter looks for modules, as `pip install` would put it there."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    file = Path(sysconfig.get_path("purelib")) / f"{MODULE}.py"
    file.write_text(code, "utf-8")
    yield
    file.unlink()


@pytest.fixture(scope="module")
def field(installed: None, make_gateway: Callable[..., Field]) -> Iterator[Field]:
    """With the page's own words of the site file."""
    example = re.search(r"^    backends:\n(?:    .*\n)+", PAGE.read_text("utf-8"), re.MULTILINE)
    assert example is not None
    words = yaml.safe_load(example[0])

    def edit(document: dict[str, Any]) -> None:
        document["workers"] = 1
        document["backends"] = words["backends"]
        document["sites"][0]["authentication"] = words["sites"][0]["authentication"]
        document["sites"][0]["groups"] = [{"name": "staff"}]
        document["lockout"] = {"failures": 3, "address_failures": 10000}

    made = make_gateway(edit)
    for name in ("anna", "bert"):
        made.add_user(name, "staff")
    yield made
    made.gateway.stop()


def client(field: Field, clients: list[Client], user: str, *secrets: str) -> Client:
    made = BUILD.client(field, user, *secrets, options=("--authgroup=staff",))
    clients.append(made)
    return made


def test_both_factors(field: Field, clients: list[Client]) -> None:
    made = client(field, clients, "anna", PASSWORD, "whale")
    made.connect()
    assert made.said("Please open the book")
    assert '"method":"local and desk"' in field.events()
    assert [each["user"] for each in sessions(field, "anna")] == ["anna"]


def test_a_wrong_word(field: Field, clients: list[Client]) -> None:
    made = client(field, clients, "anna", PASSWORD, "shark")
    made.start()
    assert made.wait_end() != 0
    assert made.said("Login failed")
    assert field.recorded('"reason":"word"')


def test_guesses_are_counted(field: Field, clients: list[Client]) -> None:
    """One who knows a password only cannot try all words."""
    for _ in range(3):
        made = client(field, clients, "bert", PASSWORD, "whale")
        made.start()
        assert made.wait_end() != 0
    assert field.recorded("account.locked")
    made = client(field, clients, "bert", PASSWORD, "whale")
    made.start()
    assert made.wait_end() != 0
    assert made.said("Too many failed logins")


def test_it_ran_under_the_confinement_of_authd(field: Field) -> None:
    (authd,) = [each for each in status(field)["processes"] if each["process"] == "authd"]
    lines = Path(f"/proc/{authd['pid']}/status").read_text("ascii").splitlines()
    shown = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    assert (shown["Seccomp"], shown["NoNewPrivs"], shown["CapEff"]) == (["2"], ["1"], ["0" * 16])
