# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in the memory of the running gateway: each only where it belongs, and gone when its time is over.

Each search also shows that it can find: what must be somewhere is found there.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import Field
from tests.interop.raw import Raw, frame
from tests.system.exporter import export
from tests.system.memory import Found, private_key, search
from tests.system.processes import edited, pids
from tests.system.whole_gateway import sessions, status, until
from wolfguard.cli.demo.site import SERVER_NAMES
from wolfguard.crypto.authority import make_authority

PASSWORD = "Vellum-Quartz-7781-tangerine-Ostrich"
DISCONNECT = 5
PSK_LABEL, PSK_BYTES = b"EXPORTER-openconnect-psk", 32
WANTS_DTLS = "X-DTLS-CipherSuite: PSK-NEGOTIATE"


@pytest.fixture(scope="module")
def field(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    made = make_gateway(edited(2))
    yield made
    made.gateway.stop()


def everywhere(field: Field, secrets: dict[str, bytes]) -> dict[str, list[Found]]:
    """Processes that hold one of the secrets, the supervisor among those that are searched."""
    found = {name: search(pid, secrets) for name, pid in pids(field).items()}
    return {name: places for name, places in found.items() if places}


def forms(secret: str) -> dict[str, bytes]:
    """As it is, as messages between processes carry it (base64, whose last group depends on what follows), and as wide
    text."""
    data = secret.encode()
    return {"plain": data, "base64": base64.b64encode(data)[:-4], "wide": secret.encode("utf-32-le")}


def key_file(field: Field, kind: str) -> Path:
    return field.site.authority.with_name(f"server-{kind}.key")


# --- private keys ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_a_private_key_is_in_locked_memory_of_keyd_alone(field: Field, kind: str) -> None:
    Raw.open(field.topology.client, str(field.site.authority)).close()
    found = everywhere(field, private_key(key_file(field, kind)))
    assert set(found) == {"keyd"}
    assert all(each.memory.locked and "dd" in each.memory.flags and "dc" in each.memory.flags for each in found["keyd"])
    # The numbers, and nothing of the file's own text any more.
    assert {each.secret for each in found["keyd"]} >= {"d little"}
    assert not [each for each in found["keyd"] if each.secret == "text"]


def test_a_renewed_key_is_gone_when_its_time_is_over(field: Field) -> None:
    def renew() -> dict[str, bytes]:
        make_authority(field.site.authority.parent, SERVER_NAMES)
        before = status(field)["generation"]
        field.gateway.reload()
        until(lambda: bool(status(field)["generation"] > before), "the reload")
        return private_key(key_file(field, "ecdsa"))

    first = private_key(key_file(field, "ecdsa"))
    second = renew()
    # Handshakes in flight may still ask for it.
    assert set(everywhere(field, first)) == set(everywhere(field, second)) == {"keyd"}
    third = renew()
    assert everywhere(field, first) == {}
    assert set(everywhere(field, second)) == set(everywhere(field, third)) == {"keyd"}


# --- passwords and cookies ------------------------------------------------------------------------------------------


def test_a_password_is_nowhere_once_it_was_used(field: Field) -> None:
    field_forms = forms(PASSWORD)
    result = field.site.wolfguard("user", "add", "bob", "--password-stdin", stdin=PASSWORD + "\n")
    assert result.returncode == 0, result.stderr
    assert everywhere(field, field_forms) == {}
    client = Raw.open(field.topology.client, str(field.site.authority))
    client.log_in("bob", PASSWORD)
    assert everywhere(field, field_forms) == {}
    client.close()
    # A wrong one is as secret: it is often the right one of another account.
    wrong = PASSWORD[::-1]
    client = Raw.open(field.topology.client, str(field.site.authority))
    with pytest.raises(ConnectionError, match="no cookie"):
        client.log_in("bob", wrong)
    assert everywhere(field, forms(wrong)) == {}
    client.close()


def test_a_cookie_is_known_by_its_hash(field: Field) -> None:
    client = Raw.open(field.topology.client, str(field.site.authority))
    cookie = client.log_in("bob", PASSWORD)
    assert everywhere(field, forms(cookie)) == {}
    assert client.connect(cookie)[0] == 200
    assert everywhere(field, forms(cookie)) == {}
    client.close()


def test_what_a_worker_is_being_told_is_found(field: Field) -> None:
    # Else the tests above could not fail: half a request, which waits for its other half.
    client = Raw.open(field.topology.client, str(field.site.authority))
    head = b"POST / HTTP/1.1\r\nHost: vpn\r\nContent-Length: 9999\r\n\r\n"
    client.send(head + b"<password>" + PASSWORD.encode())

    def found() -> bool:
        return any(name.startswith("worker/") for name in everywhere(field, forms(PASSWORD)))

    until(found, "the password in a worker")
    client.close()
    until(lambda: everywhere(field, forms(PASSWORD)) == {}, "the end of the request")


# --- keys of tunnels ------------------------------------------------------------------------------------------------


def tunnel_key(client: Raw) -> dict[str, bytes]:
    """What client and worker alone can export from their TLS connection: the key of its DTLS."""
    return {"key": export(client.tls, PSK_LABEL, PSK_BYTES)}


def test_the_key_of_a_tunnels_dtls_is_its_workers_alone_and_ends_with_it(field: Field) -> None:
    client, key, owner = with_tunnel(field)
    until(lambda: set(everywhere(field, key)) == {owner}, "the key in the worker of the tunnel")
    client.close()
    until(lambda: everywhere(field, key) == {}, "the end of the key")


def test_the_key_of_a_tunnels_dtls_is_wiped_when_the_client_says_goodbye(field: Field) -> None:
    client, key, owner = with_tunnel(field)
    until(lambda: set(everywhere(field, key)) == {owner}, "the key in the worker of the tunnel")
    client.send(frame(DISCONNECT, b"\xb0bye"))
    until(lambda: everywhere(field, key) == {}, "the end of the key")
    client.close()


def with_tunnel(field: Field) -> tuple[Raw, dict[str, bytes], str]:
    """A client whose tunnel stands, the key of its DTLS, and the worker of the tunnel."""
    client = Raw.open(field.topology.client, str(field.site.authority))
    cookie = client.log_in("bob", PASSWORD)
    assert client.connect(cookie, WANTS_DTLS)[0] == 200
    newest = max(sessions(field, "bob"), key=lambda each: int(each["session"]))
    return client, tunnel_key(client), f"worker/{newest['slot']}"
