# SPDX-License-Identifier: GPL-3.0-or-later
"""authd's backend against real FreeRADIUS: Debian 12's over UDP, Debian 13's and a build with RADIUS/1.1 over TLS."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import roots
from tests.interop.radius import backend, pki
from tests.interop.radius.backend import says, step
from tests.interop.radius.freeradius import FreeRadius
from wolfguard.crypto.client import SignChannel
from wolfguard.ipc.factors import ACCEPT, ASK, REJECT, UNAVAILABLE
from wolfguard.procs.authd.radius import RadiusBackend

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem


@pytest.fixture(scope="module")
def certificates() -> pki.Pki:
    return pki.make()


@pytest.fixture(scope="module")
def udp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreeRadius]:
    server = FreeRadius(roots.RADIUS12, tmp_path_factory.mktemp("udp"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory, certificates: pki.Pki) -> Iterator[FreeRadius]:
    """Knows RADIUS/1.1, and takes older clients too."""
    server = FreeRadius(roots.RADIUS11, tmp_path_factory.mktemp("tls"), pki=certificates, version_1_1="allow")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def old_tls_server(tmp_path_factory: pytest.TempPathFactory, certificates: pki.Pki) -> Iterator[FreeRadius]:
    """Debian 13's, which knows no RADIUS/1.1."""
    server = FreeRadius(roots.RADIUS13, tmp_path_factory.mktemp("old"), pki=certificates)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def keyd(tmp_path: Path, certificates: pki.Pki) -> Iterator[SignChannel]:
    with backend.keyd(tmp_path, certificates) as channel:
        yield channel


async def logins(made: RadiusBackend) -> None:
    """All ways that a login can go."""
    good = await made.step(step("alice", "wonder"))
    assert (good.state, good.message, good.groups) == (ACCEPT, "hello alice", ("staff",))
    assert says(good) == {"framed-address": "10.99.1.2", "class": "T1U9c3RhZmY7", "session-timeout": "3600"}
    assert (await made.step(step("alice", "wrong"))).state == REJECT
    assert (await made.step(step("nobody", "wonder"))).state == REJECT
    asked = await made.step(step("otp", "first"))
    assert (asked.state, asked.message, len(asked.fields)) == (ASK, "Enter your token", 1)
    right = await made.step(step("otp", "123456", context=asked.context, number=1))
    assert right.state == ACCEPT
    wrong = await made.step(step("otp", "000000", context=asked.context, number=1))
    assert wrong.state == REJECT
    unusable = await made.step(step("bob", "builder"))
    assert (unusable.state, unusable.reason) == (UNAVAILABLE, "radius_attribute")
    assert (await made.step(step("alice", b"won\0der"))).state == REJECT
    assert (await made.step(step("alice", "x" * 1000))).state == REJECT
    assert (await made.step(step("x" * 254, "x"))).state == REJECT
    made.close()


def test_udp_with_message_authenticators(udp_server: FreeRadius) -> None:
    asyncio.run(logins(backend.udp(udp_server.port)))


def test_radius_1_1_under_the_default_profile(
    keyd: SignChannel, certificates: pki.Pki, tls_server: FreeRadius, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        asyncio.run(logins(backend.tls(keyd, certificates, [tls_server.port])))
    assert caplog.text.count("radius_connected") == 1
    assert "protocol=radius/1.1 suite=TLS_AES_256_GCM_SHA384" in caplog.text


def test_radius_1_0_over_tls_where_md5_is_allowed(
    keyd: SignChannel, certificates: pki.Pki, old_tls_server: FreeRadius, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        asyncio.run(logins(backend.tls(keyd, certificates, [old_tls_server.port], profile="compat")))
    assert "protocol=radius/1.0" in caplog.text


def test_radius_1_0_is_refused_under_the_default_profile(
    keyd: SignChannel, certificates: pki.Pki, old_tls_server: FreeRadius
) -> None:
    async def run() -> None:
        made = backend.tls(keyd, certificates, [old_tls_server.port])
        answer = await made.step(step("alice", "wonder"))
        assert (answer.state, answer.reason) == (UNAVAILABLE, "tls_protocol")
        made.close()

    asyncio.run(run())


def test_a_stopped_server_costs_its_time_and_the_next_is_asked(
    keyd: SignChannel, certificates: pki.Pki, tls_server: FreeRadius, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stopped = FreeRadius(roots.RADIUS11, tmp_path, pki=certificates, version_1_1="allow")
    stopped.start()

    async def run() -> None:
        made = backend.tls(keyd, certificates, [stopped.port, tls_server.port], response=1)
        assert (await made.step(step("alice", "wonder"))).state == ACCEPT
        asked = await made.step(step("otp", "first"))
        stopped.send(signal.SIGSTOP)
        begin = time.monotonic()
        assert (await made.step(step("alice", "wonder"))).state == ACCEPT
        assert 0.9 < time.monotonic() - begin < 3
        # the answer to a challenge goes to nobody else, who could not know it
        lost = await made.step(step("otp", "123456", context=asked.context, number=1))
        assert (lost.state, lost.reason) == (UNAVAILABLE, "timeout")
        assert (await made.step(step("alice", "wonder"))).state == ACCEPT
        begin = time.monotonic()
        assert (await made.step(step("alice", "wonder"))).state == ACCEPT
        assert time.monotonic() - begin < 0.5
        made.close()

    try:
        with caplog.at_level(logging.INFO):
            asyncio.run(run())
    finally:
        stopped.stop()
    assert "radius_server_dead" in caplog.text
    assert "wonder" not in caplog.text


def test_many_at_once(keyd: SignChannel, certificates: pki.Pki, tls_server: FreeRadius) -> None:
    async def run() -> None:
        made = backend.tls(keyd, certificates, [tls_server.port])
        answers = await asyncio.gather(*(made.step(step("alice", "wonder")) for _ in range(600)))
        assert [answer.state for answer in answers] == [ACCEPT] * 600
        made.close()

    asyncio.run(run())
