# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and keys are renewed under load: no handshake fails, no tunnel ends, what is wrong changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cryptography import x509

from tests.interop.conftest import Field
from tests.interop.raw import dial
from tests.system.whole_gateway import connect, pinging, status, until
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.site import SERVER_NAMES
from wolfguard.crypto.authority import make_authority

RELOADS = 4
HANDSHAKES = 20


@pytest.fixture
def field(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    """A gateway of its own for each test, which changes its files."""

    def edit(document: dict[str, Any]) -> None:
        document["limits"] = {"handshakes_per_second": 1000, "handshake_burst": 1000, "unauthenticated": 1000}

    made = make_gateway(edit)
    yield made
    made.gateway.stop()


def renew(field: Field) -> None:
    make_authority(field.site.authority.parent, SERVER_NAMES)


def installed(field: Field, kind: str) -> int:
    """Serial number of the certificate that lies in the folder."""
    file = field.site.authority.with_name(f"server-{kind}.pem")
    return x509.load_pem_x509_certificate(file.read_bytes()).serial_number


def serial(tls: ssl.SSLSocket | ssl.SSLObject) -> int:
    return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"").serial_number


def reload(field: Field, generation: int) -> None:
    field.gateway.reload()
    until(lambda: status(field)["generation"] == generation, "the reload")


class Handshakes(threading.Thread):
    """One handshake after the other until `stop`, with an ECDSA certificate over TLS 1.3 or an RSA one over TLS 1.2."""

    def __init__(self, field: Field, kind: str) -> None:
        super().__init__()
        self.served: list[int] = []
        self.failures: list[str] = []
        self._field = field
        self._over = threading.Event()
        self._context = ssl.create_default_context(cafile=str(field.site.authority))
        if kind == "rsa":
            self._context.maximum_version = ssl.TLSVersion.TLSv1_2
            self._context.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self.served.append(self._one())
            except OSError as error:
                self.failures.append(f"after {len(self.served)} handshakes: {error!r}")

    def _one(self) -> int:
        plain = dial(self._field.topology.client)
        with self._context.wrap_socket(plain, server_hostname=SERVER_NAMES[0]) as tls:
            return serial(tls)

    def more(self, count: int) -> None:
        """Waits for so many further handshakes, the first of them begun after this call."""
        wanted = len(self.served) + len(self.failures) + 1 + count
        until(lambda: len(self.served) + len(self.failures) >= wanted, f"{count} more handshakes")

    def stop(self) -> None:
        self._over.set()
        self.join()


@contextmanager
def handshakes(field: Field) -> Iterator[dict[str, Handshakes]]:
    """Both kinds at the same time; none may have failed at the end."""
    threads = {kind: Handshakes(field, kind) for kind in ("ecdsa", "rsa")}
    for thread in threads.values():
        thread.start()
    try:
        yield threads
    finally:
        for thread in threads.values():
            thread.stop()
    assert {kind: thread.failures for kind, thread in threads.items()} == {"ecdsa": [], "rsa": []}


def test_renewal_without_a_drop(field: Field, clients: list[Client]) -> None:
    field.add_user("alice")
    client = connect(field, clients, "alice")
    with handshakes(field) as loops, pinging(field):
        for number in range(1, RELOADS + 1):
            before = {kind: installed(field, kind) for kind in loops}
            for kind, loop in loops.items():
                loop.more(HANDSHAKES)
                assert loop.served[-1] == before[kind]
            renew(field)
            assert all(installed(field, kind) != before[kind] for kind in loops)
            reload(field, number + 1)
            for kind, loop in loops.items():
                loop.more(HANDSHAKES)
                assert loop.served[-HANDSHAKES:] == [installed(field, kind)] * HANDSHAKES
    assert not client.said("(?i)reconnect")


def test_a_handshake_in_flight_ends_with_the_key_it_began_with(field: Field) -> None:
    before = installed(field, "ecdsa")
    context = ssl.create_default_context(cafile=str(field.site.authority))
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(received, sent, server_hostname=SERVER_NAMES[0])
    # Python offers a share for X25519, which no profile has, so the gateway asks for another hello: there we wait.
    with dial(field.topology.client) as plain:
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        plain.sendall(sent.read())
        received.write(plain.recv(65536))
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        assert sent.pending
        renew(field)
        assert field.site.wolfguard("reload").returncode == 0
        plain.sendall(sent.read())
        while True:
            received.write(plain.recv(65536))
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                continue
        assert serial(tls) == before != installed(field, "ecdsa")


def test_a_wrong_site_file_changes_nothing(field: Field) -> None:
    good = field.site.configuration.read_text()
    field.site.configuration.write_text(good.replace("ipv4_pool: 10.99.0.0/16", "ipv4_pool: 10.99.0.0/77"))
    lines = field.site.configuration.read_text().splitlines()
    line = 1 + next(number for number, text in enumerate(lines) if "10.99.0.0/77" in text)
    with handshakes(field) as loops:
        answer = field.site.wolfguard("reload")
        assert answer.returncode != 0
        for text in (answer.stderr, field.gateway.log.read_text()):
            assert f"{field.site.configuration}:{line}: sites[0].network.ipv4_pool" in text
        loops["ecdsa"].more(HANDSHAKES)
    assert status(field)["generation"] == 1
    field.site.configuration.write_text(good)
    assert "configuration 2" in field.site.wolfguard("reload").stdout


def test_what_one_process_refuses_nobody_keeps(field: Field) -> None:
    before = installed(field, "ecdsa")
    network = field.site.document["sites"][0]["network"]
    field.site.document["sites"][0]["network"] = {**network, "ipv4_pool": "198.51.100.0/24"}
    field.site.write()
    with handshakes(field) as loops:
        renew(field)
        answer = field.site.wolfguard("reload")
        assert answer.returncode != 0
        # keyd had the renewed keys by then
        for text in (answer.stderr, field.gateway.log.read_text()):
            assert "netd refuses the new configuration: the pool 198.51.100.0/24 has this machine's own" in text
        loops["ecdsa"].more(HANDSHAKES)
        assert set(loops["ecdsa"].served) == {before}
        field.site.document["sites"][0]["network"] = network
        field.site.write()
        assert field.site.wolfguard("reload").returncode == 0
        loops["ecdsa"].more(1)
        assert loops["ecdsa"].served[-1] == installed(field, "ecdsa")


def test_a_key_that_does_not_fit_changes_nothing(field: Field) -> None:
    key = field.site.authority.with_name("server-ecdsa.key")
    renew(field)
    os.replace(shutil.copy2(field.site.authority.with_name("server-rsa.key"), key.with_suffix(".aside")), key)
    with handshakes(field) as loops:
        answer = field.site.wolfguard("reload")
        assert answer.returncode != 0
        for text in (answer.stderr, field.gateway.log.read_text()):
            assert f"private key {key} for certificate {key.with_suffix('.pem')}" in text
        loops["ecdsa"].more(HANDSHAKES)
        loops["rsa"].more(HANDSHAKES)
    # Not even a keyd that starts anew takes what lies in the folder now.
    keyd = next(each for each in status(field)["processes"] if each["process"] == "keyd")
    os.kill(keyd["pid"], signal.SIGKILL)
    until(lambda: any(each["restarts"] for each in status(field)["processes"]), "keyd's restart")
    until(lambda: all(each["state"] == "serving" for each in status(field)["processes"]), "keyd's restart")
    with handshakes(field) as loops:
        loops["ecdsa"].more(HANDSHAKES)


def test_what_waits_for_a_restart_is_named(field: Field) -> None:
    field.site.document["workers"] = 1
    field.site.document["listeners"][0]["port"] = 8443
    field.site.document["lockout"] = {"failures": 7}
    field.site.write()
    answer = json.loads(field.site.wolfguard("reload", "--json").stdout)
    assert answer == {"generation": 2, "needs_restart": ["listeners[0].port", "workers"]}
    assert "listeners[0].port, workers" in field.site.wolfguard("reload").stdout
    with handshakes(field) as loops:
        loops["ecdsa"].more(1)
