# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins and handshakes while others hang: `./bootstrap bench auth`.

In each round the same logins are timed twice through a healthy PAM service, against a quiet gateway and against one in
which HANGING logins are stuck in another service whose module sleeps. `login_slowdown` compares the medians of a whole
login, `sign_slowdown` those of its TLS handshake, which waits for keyd's signature. Owns the frame of the benchmark and
what is measured of PAM; RADIUS has a module of its own.
"""

from __future__ import annotations

import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import pam_sessions, radius
from tests.bench.figure import Figure, machine
from tests.bench.logins import INIT, REPLY
from tests.interop import pam_ground
from tests.interop.raw import Raw
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.linux.namespace import Topology

HANGING = 50
LOGINS = 40
HEADERS = "X-Transcend-Version: 1\r\nX-Aggregate-Auth: 1\r\nContent-Type: application/xml; charset=utf-8"


def run(rounds: int) -> list[Figure]:
    """Needs root; `rounds` of LOGINS logins each way, interleaved."""
    quiet: list[tuple[float, float]] = []
    beside: list[tuple[float, float]] = []
    with _gateway() as (topology, site):
        _sample(topology, site, LOGINS)
        for number in range(rounds):
            quiet += _sample(topology, site, LOGINS)
            with _hanging(topology, site, number):
                beside += _sample(topology, site, LOGINS)
        held = pam_sessions.run(topology, site)
    conditions = (
        f"{machine()}; medians of {rounds} x {LOGINS} logins one after another through pam_unix, all on one machine; "
        f"beside: {HANGING} logins in a module that sleeps {pam_ground.HANG_SECONDS} s"
    )
    login, base_login = (statistics.median(each[1] for each in samples) for samples in (beside, quiet))
    sign, base_sign = (statistics.median(each[0] for each in samples) for samples in (beside, quiet))
    return [
        Figure("login_slowdown", login / base_login, "x", "<= 1.10", conditions),
        Figure("sign_slowdown", sign / base_sign, "x", "<= 1.05", conditions),
        Figure("login_seconds", base_login, "s", "", conditions),
        Figure("handshake_seconds", base_sign, "s", "", conditions),
        *held,
        *radius.run(),
    ]


@contextmanager
def _gateway() -> Iterator[tuple[Topology, Site]]:
    topology = Topology.named(f"wgb{os.getpid()}")
    topology.delete()
    topology.add()
    with tempfile.TemporaryDirectory(prefix="wolfguard-bench-") as folder:
        Path(folder).chmod(0o755)
        site = Site(Path(folder) / "site")
        gateway = Gateway(site, topology.gateway, pam_ground.lay(Path(folder)))
        site.prepare()
        site.document["backends"] = [
            {"name": name, "type": "pam", "timeout": pam_ground.HANG_SECONDS + 30, "pam": {"service": f"wg-{name}"}}
            for name in ("unix", "hang")
        ]
        site.document["backends"].append(pam_sessions.BACKEND)
        first = site.document["sites"][0]
        first |= {"authentication": ["unix"], "sessions_per_user": 0}
        first["groups"] = [{"name": name, "authentication": [name]} for name in ("unix", "hang", pam_sessions.NAME)]
        site.document["limits"] = {"handshakes_per_second": 10000, "handshake_burst": 10000, "unauthenticated": 10000}
        site.document["lockout"] = {"failures": 100, "address_failures": 10000}
        site.write()
        try:
            gateway.start()
            yield topology, site
        finally:
            gateway.stop()
            topology.delete()


def _sample(topology: Topology, site: Site, count: int) -> list[tuple[float, float]]:
    """(seconds of the handshake, seconds of the whole login) of each."""
    samples = []
    for _ in range(count):
        begun = time.monotonic()
        client = Raw.open(topology.client, str(site.authority))
        handshake = time.monotonic() - begun
        _begin(client, "pia", "unix")
        _, head, body = client.answer()
        if "webvpn=" not in head:
            raise ConnectionError(f"a login failed: {body[:300]!r}")
        samples.append((handshake, time.monotonic() - begun))
        client.tls.close()
    return samples


@contextmanager
def _hanging(topology: Topology, site: Site, number: int) -> Iterator[None]:
    clients = []
    try:
        for index in range(HANGING):
            client = Raw.open(topology.client, str(site.authority))
            _begin(client, f"stuck-{number}-{index}", "hang")
            clients.append(client)
        # All of their helpers run by now; the calm before the measurement.
        time.sleep(1.0)
        yield
        for client in clients:
            client.tls.settimeout(0.0)
            try:
                answered = client.tls.recv(1) is not None
            except OSError:
                answered = False
            if answered:
                raise ConnectionError("a login that should hang was answered")
    finally:
        for client in clients:
            client.tls.close()
        time.sleep(1.0)


def _begin(client: Raw, user: str, group: str) -> None:
    """Up to the password, whose answer is still to come."""
    host = Topology.GATEWAY_V4
    _post(client, "/", INIT.format(host=host, group=f"<group-select>{group}</group-select>"))
    _, _, body = client.answer()
    page = body.decode()
    opaque = re.search(r"<opaque.*?</opaque>", page, re.DOTALL)
    action = re.search(r'<form[^>]*action="([^"]+)"', page)
    if opaque is None or action is None:
        raise ConnectionError(f"no form: {page[:300]}")
    _post(client, action.group(1), REPLY.format(opaque=opaque.group(0), user=user, password=pam_ground.PASSWORD))


def _post(client: Raw, path: str, body: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: {Topology.GATEWAY_V4}\r\nUser-Agent: OpenConnect v9.21\r\n{HEADERS}"
    client.send(f"{head}\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}".encode())
