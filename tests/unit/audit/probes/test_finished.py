# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished handshakes and requests, with real servers of other makes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.unit.audit.fake_place import FakePlace, see
from tests.unit.audit.tls.servers import Keys, make_keys, openssl
from wolfguard.audit.observation import Observation
from wolfguard.audit.probes import dialled, web
from wolfguard.audit.tls.finishes import FINISHES
from wolfguard.audit.vantage import Listener
from wolfguard.audit.web.answer import Answer
from wolfguard.audit.web.requests import STRAY
from wolfguard.policy.rules import read_rules


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


def at(listener: Listener, probe: str, **arguments: str) -> Observation:
    return see(probe, FakePlace(), arguments, listener=lambda: listener)


def test_tls13_with_tickets_and_without(keys: Keys) -> None:
    with openssl(keys, "ecdsa", "-tls1_3") as listener:
        found = at(listener, "finished-handshake", offer="modern")
        assert found.part(("finished",)) is True
        assert found.part(("suite",)) == "TLS_AES_256_GCM_SHA384"
        assert int(str(found.part(("unasked_bytes",)))) > 100
    with openssl(keys, "ecdsa", "-tls1_3", "-num_tickets", "0") as listener:
        assert at(listener, "finished-handshake", offer="modern").part(("unasked_bytes",)) == 0
        refused = at(listener, "finished-handshake", offer="tls12")
        assert refused.part(("finished",)) is False
        assert "does not finish" in str(refused.part(("end",)))


@pytest.mark.parametrize("version", ["1_2", "1_3"])
@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_the_chain_of_either_version(keys: Keys, version: str, kind: str) -> None:
    with openssl(keys, kind, f"-tls{version}") as listener:
        found = at(listener, "certificate")
    assert found.problem == ""
    assert f"TLS {version.replace('_', '.')}" in found.source
    assert found.part(("purposes",)) == ("serverAuth",)
    assert found.part(("authority",)) is False
    assert found.part(("key_types",)) == (("RSA",) if kind == "rsa" else ("secp256r1",))


def test_nobody_and_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialled, "PAUSE_SECONDS", 0.0)
    with said(b"") as listener:
        assert "closes in the handshake" in at(listener, "finished-handshake", offer="modern").problem
    with said(b"220 mail.example.org ESMTP\r\n") as listener:
        assert at(listener, "finished-handshake", offer="modern").part(("finished",)) is False
    assert "cannot be reached" in at(Listener("127.0.0.1", 1), "finished-handshake", offer="modern").problem
    assert "there is no offer" in at(Listener("127.0.0.1", 1), "finished-handshake", offer="unknown").problem
    assert "there is no request" in at(Listener("127.0.0.1", 1), "web", request="unknown").problem


def test_a_web_server_of_another_make(keys: Keys) -> None:
    with openssl(keys, "ecdsa", "-tls1_3", "-www") as listener:
        page = at(listener, "web", request="unknown-page")
        assert page.part(("status",)) == 200
        assert page.part(("headers",)) == {}
        assert page.part(("notice",)) is None


def test_what_an_answer_gives_away() -> None:
    answer = Answer(404, (("server", "nginx/1.22.1"), ("x-frame-options", "DENY")), b"<h1>at 192.0.2.1, OpenSSL</h1>")
    found = web.facts(answer)
    assert found["products"] == ("1.22.1", "nginx", "openssl")
    assert found["headers"] == {"x-frame-options": "DENY"}


def test_every_named_request_and_offer_serves_a_rule() -> None:
    looks = [rule.observe.look for rule in read_rules()]
    named = {(look.probe, str(value)) for look in looks for _, value in look.arguments}
    assert {request for probe, request in named if probe == "web"} == set(STRAY)
    offers = {offer for probe, offer in named if probe == "finished-handshake"}
    assert offers | {"tls13-curves"} == set(FINISHES)


@contextmanager
def said(data: bytes) -> Iterator[Listener]:
    """Somebody who says this to each caller and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(data)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65_536):
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port: Any = listening.getsockname()[1]
        yield Listener("127.0.0.1", port)
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)
