# SPDX-License-Identifier: GPL-3.0-or-later
"""A real gateway in namespaces and real clients of several builds, for all interop tests.

Owns the fixtures. One gateway serves a whole test session where tests only read; tests that change its state make their
own with `make_gateway`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop import roots, status
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.linux.namespace import Topology

PASSWORD = "correct horse battery staple"
WRONG = "wrong horse battery staple"
NUMBERS = itertools.count()


@dataclass(frozen=True)
class Field:
    """A gateway with its topology."""

    topology: Topology
    gateway: Gateway

    @property
    def site(self) -> Site:
        return self.gateway.site

    def add_user(self, name: str, *groups: str) -> None:
        words = [word for group in groups for word in ("--group", group)]
        result = self.site.wolfguard("user", "add", name, "--password-stdin", *words, stdin=PASSWORD + "\n")
        assert result.returncode == 0, result.stderr

    def recorded(self, word: str, limit: float = 5.0) -> bool:
        """Whether a record with this word appears; a worker reports what strangers do in sums, once a second."""
        end = time.monotonic() + limit
        while word not in self.events():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def counters(self) -> dict[str, int]:
        return status.counters(self.site)

    def session(self, inside: str) -> dict[str, Any]:
        return status.session(self.site, inside)

    def events(self) -> str:
        result = self.site.wolfguard("events", "--json")
        assert result.returncode == 0, result.stderr
        return result.stdout


@dataclass(frozen=True)
class Build:
    """One client build and the family it dials over."""

    root: roots.Root
    family: int

    def client(self, field: Field, user: str, *secrets: str, **settings: Any) -> Client:
        address = Topology.GATEWAY_V4 if self.family == 4 else f"[{Topology.GATEWAY_V6}]"
        path = roots.make(self.root)
        authority = path / "tmp" / f"ca-{os.getpid()}-{next(NUMBERS)}.pem"
        authority.write_bytes(field.site.authority.read_bytes())
        return Client(
            field.topology.client,
            f"https://{address}",
            Path("/tmp") / authority.name,
            user,
            secrets,
            program=self.root.openconnect,
            runner=lambda command: [*roots.enter(path), *command],
            **settings,
        )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = any(mark.args[0] == "build" for mark in metafunc.definition.iter_markers("parametrize"))
    if "build" in metafunc.fixturenames and not chosen:
        builds = [Build(root, family) for root in roots.CLIENTS for family in (4, 6)]
        metafunc.parametrize("build", builds, ids=[f"{each.root.name}-ipv{each.family}" for each in builds])


@pytest.fixture(scope="session")
def make_gateway() -> Iterator[Callable[..., Field]]:
    """Makes gateways in topologies of their own; all end with the test session."""
    made: list[Field] = []
    # not below pytest's own folder, which it closes to other users: confined processes reach their files by name
    base = Path(tempfile.mkdtemp(prefix="wolfguard-test-"))
    base.chmod(0o755)

    def make(
        edit: Callable[[dict[str, Any]], None] | None = None,
        ground: Callable[[Topology], None] | None = None,
        runner: Callable[[Path], Sequence[str]] = lambda folder: (),
        options: Sequence[str] = (),
        python: str = sys.executable,
    ) -> Field:
        topology = Topology.named(f"wgt{os.getpid()}-{next(NUMBERS)}")
        topology.delete()
        topology.add()
        if ground is not None:
            ground(topology)
        folder = base / topology.gateway.name
        field = Field(topology, Gateway(Site(folder), topology.gateway, runner(folder), options, python))
        made.append(field)
        field.site.prepare()
        if edit is not None:
            edit(field.site.document)
            field.site.write()
        field.gateway.start()
        return field

    yield make
    for field in made:
        field.gateway.stop()
        field.topology.delete()
    shutil.rmtree(base)


@pytest.fixture(scope="session")
def field(make_gateway: Callable[..., Field]) -> Field:
    """The gateway that most tests share: generous limits, two groups, one user."""

    def edit(document: dict[str, Any]) -> None:
        site = document["sites"][0]
        site["groups"] = [{"name": "staff", "label": "Staff"}, {"name": "guests", "label": "Guests"}]
        site["sessions_per_user"] = 100
        document["limits"] = {"handshakes_per_second": 1000, "handshake_burst": 1000, "unauthenticated": 1000}
        document["lockout"] = {"failures": 100, "address_failures": 10000}

    made = make_gateway(edit)
    made.add_user("alice", "staff", "guests")
    return made


def short_patience(profile: str, **timeouts: int) -> Callable[[dict[str, Any]], None]:
    """Edits a site file: a crypto profile, silence noticed after two seconds, and limits that no test meets."""

    def edit(document: dict[str, Any]) -> None:
        site = document["sites"][0]
        site["crypto_profile"] = profile
        site["timeouts"] = {"dpd": 2, **timeouts}
        site["sessions_per_user"] = 100
        document["limits"] = {"handshakes_per_second": 1000, "handshake_burst": 1000, "unauthenticated": 1000}

    return edit


@pytest.fixture(scope="session")
def hybrid(make_gateway: Callable[..., Field]) -> Field:
    """The default profile, which permits DTLS to clients with the extended master secret: OpenSSL builds."""
    made = make_gateway(short_patience("fips-hybrid"))
    made.add_user("alice")
    return made


@pytest.fixture(scope="session")
def compat(make_gateway: Callable[..., Field]) -> Field:
    """The profile that permits DTLS without it too: GnuTLS builds."""
    made = make_gateway(short_patience("compat"))
    made.add_user("alice")
    return made


@pytest.fixture
def permitting(build: Build, hybrid: Field, compat: Field) -> Field:
    """The strictest gateway that permits DTLS to this build."""
    return hybrid if build.root is roots.OPENSSL else compat


@pytest.fixture
def clients() -> Iterator[list[Client]]:
    """Clients put here are stopped at the end of the test, whatever happens."""
    started: list[Client] = []
    yield started
    for client in started:
        client.stop()
