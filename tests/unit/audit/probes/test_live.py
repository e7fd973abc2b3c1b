# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of a running gateway and of listeners: made-up gateways, and real servers of other makes."""

from __future__ import annotations

import copy
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.audit.fake_place import NOW, FakePlace, see
from tests.unit.audit.tls.servers import Keys, gnutls, make_keys, openssl
from tests.unit.fips.good import FACTS
from wolfguard.audit.probes import handshake
from wolfguard.audit.vantage import Listener
from wolfguard.cli.fips import document
from wolfguard.fips import host, observe, verdict
from wolfguard.fips.steps import Limits
from wolfguard.sandbox.processes import PROCESSES

STATUS: dict[str, Any] = {
    "fips": {"verdict": "none"},
    "silent": [],
    "weakened": [],
    "not_approved": 0,
    "processes": [
        {
            "process": name,
            "slot": 0,
            "pid": 100 + number,
            "restarts": 0,
            "confinement": {"landlock": "on"},
        }
        for number, name in enumerate(PROCESSES)
        if not PROCESSES[name].when
    ],
    "modules": [
        {"process": "keyd", "slot": 0, "library": "5.9.2", "integrity": "intact", "tests": {"sha256": "passed"}},
        {"process": "worker", "slot": 0, "library": "5.9.2", "integrity": "intact", "tests": {"sha256": "passed"}},
        {"process": "netd", "slot": 0, "library": None, "integrity": None, "tests": None},
    ],
}
NUMBERS = {process.user: 900 + number for number, process in enumerate(PROCESSES.values())} | {"root": 0}


def gateway(**changes: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {**copy.deepcopy(STATUS), **changes}


def machine() -> FakePlace:
    """With every process of the status as the manifest has it."""
    files: dict[str, str | bytes] = {
        "/etc/passwd": "".join(f"{name}:x:{number}:{number}::/:/bin/false\n" for name, number in NUMBERS.items())
    }
    for each in STATUS["processes"]:
        manifest, folder = PROCESSES[each["process"]], f"/proc/{each['pid']}"
        uid, mask = NUMBERS[manifest.user], sum(1 << number for number in manifest.capabilities)
        sets = "".join(f"{name}:\t{mask:016x}\n" for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))
        files[f"{folder}/comm"] = "python3\n"
        files[f"{folder}/status"] = f"Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n{sets}NoNewPrivs:\t1\nSeccomp:\t2\n"
        files[f"{folder}/maps"] = "00-01 r-xp 0 08:01 5 /opt/lib/libwolfssl.so.45\n01-02 rw-p 0 00:00 0\n"
        files[f"{folder}/limits"] = "Max core file size        0                    0                    bytes\n"
    files["/proc/1/comm"] = "systemd\n"
    files["/proc/1/status"] = "Uid:\t0\t0\t0\t0\n"
    return FakePlace(files)


def test_the_gateways_status() -> None:
    found = see("gateway", FakePlace(), gateway=gateway())
    assert found.part(("tests_failed",)) == ()
    assert found.part(("library_versions",)) == ("5.9.2",)
    modules = copy.deepcopy(STATUS["modules"])
    modules[1] |= {"integrity": "differs", "tests": {"aes": "failed", "sha256": "passed"}}
    found = see("gateway", FakePlace(), gateway=gateway(modules=modules, not_approved=None, weakened=["learning"]))
    assert found.part(("tests_failed",)) == ("worker/0: aes",)
    assert found.part(("not_intact",)) == ("worker/0",)
    assert found.part(("weakened",)) == ("learning",)
    assert "did not answer" in found.problem_of(("not_approved",))


@pytest.mark.parametrize("said", [{"fips": None}, {"modules": [{"process": "keyd", "tests": None}]}, {"processes": 7}])
def test_a_status_of_another_form_is_a_problem(said: dict[str, Any]) -> None:
    assert see("gateway", FakePlace(), gateway=gateway(**said)).problem


def test_no_gateway_is_a_problem() -> None:
    for probe in ("gateway", "confinement", "fips", "handshake", "datagrams", "certificate"):
        assert see(probe, machine(), {"offer": "tls12"} if probe == "handshake" else {}).problem, probe


def test_confinement_as_in_the_manifest() -> None:
    found = see("confinement", machine(), gateway=gateway())
    assert found.problem == ""
    assert found.seen is not None
    assert {name for name, value in found.seen.items() if value != ()} == set()
    assert "labels" not in found.seen


@pytest.mark.parametrize(
    ("file", "old", "new", "key"),
    [
        ("status", "Seccomp:\t2", "Seccomp:\t0", "unfiltered"),
        ("status", "NoNewPrivs:\t1", "NoNewPrivs:\t0", "regains"),
        ("status", "CapBnd:\t0000000000000000", "CapBnd:\t0000000000200000", "capabilities"),
        ("status", "Uid:\t900\t900\t900", "Uid:\t900\t900\t0", "wrong_user"),
        ("limits", "size        0", "size        unlimited", "dumpable"),
        ("maps", "rw-p", "rwxp", "writable_code"),
        ("maps", "libwolfssl.so.45", "libcrypto.so.3", "foreign_crypto"),
    ],
)
def test_each_part_of_the_confinement_is_missed(file: str, old: str, new: str, key: str) -> None:
    place = machine()
    path = f"/proc/100/{file}"
    assert old in str(place.files[path])
    place.files[path] = str(place.files[path]).replace(old, new)
    found = see("confinement", place, gateway=gateway())
    assert found.seen is not None
    assert {name for name, value in found.seen.items() if value != ()} == {key}
    assert str(found.part((key,))).startswith("('keyd")


def test_strangers_and_the_missing() -> None:
    place = machine()
    place.files["/proc/666/comm"] = "sh\n"
    place.files["/proc/666/status"] = "Uid:\t900\t900\t900\t900\n"
    place.files["/proc/666/stat"] = f"666 (a) b) S {' '.join('0' * 18)} 4711 0 0\n"
    processes = [each for each in STATUS["processes"] if each["process"] != "netd"]
    for name in ("comm", "status", "maps", "limits"):
        number = next(each["pid"] for each in STATUS["processes"] if each["process"] == "netd")
        del place.files[f"/proc/{number}/{name}"]
    found = see("confinement", place, gateway=gateway(processes=processes))
    assert found.part(("strangers",)) == ("sh (666)",)
    assert found.part(("missing",)) == ("netd",)


def test_selinux_types() -> None:
    place = machine()
    for each in STATUS["processes"]:
        label = f"system_u:system_r:wolfguard_gateway_{each['process']}_t:s0\0"
        place.files[f"/proc/{each['pid']}/attr/current"] = label
    assert see("confinement", place, gateway=gateway()).part(("labels",)) == ()
    place.files["/proc/100/attr/current"] = "system_u:system_r:unconfined_service_t:s0\0"
    assert see("confinement", place, gateway=gateway()).part(("labels",)) == (
        "keyd: system_u:system_r:unconfined_service_t:s0",
    )


def test_a_gateway_that_names_no_process_proves_nothing() -> None:
    assert "names none" in see("confinement", machine(), gateway=gateway(processes=[])).problem


def test_a_process_that_ends_while_it_is_looked_at() -> None:
    place = machine()
    del place.files["/proc/100/maps"]
    assert "ended while" in see("confinement", place, gateway=gateway()).problem


def test_fips() -> None:
    machine = observe.host()
    judged = verdict.judge(FACTS, Limits())
    said = document(judged, host.report(machine, None), FACTS)
    found = see("fips", FakePlace(), module=lambda: said)
    assert found.part(("level",)) == "validated"
    assert found.part(("steps", "certificate")) == "met"
    assert found.unseen == {}


@pytest.mark.parametrize(
    "said", [{}, {"verdict": "best"}, {"verdict": "none", "steps": 7}, {"verdict": "none", "steps": [7]}]
)
def test_a_verdict_of_another_form_is_none(said: dict[str, Any]) -> None:
    assert "another form" in see("fips", FakePlace(), module=lambda: said).problem


# --- listeners --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("pki"))


def at(listener: Listener, probe: str, **changes: Any) -> Any:
    arguments = {"offer": "tls12"} if probe == "handshake" else {}
    return see(probe, FakePlace(), arguments, listener=lambda: listener, **changes)


def test_the_chain_of_a_server(keys: Keys) -> None:
    with openssl(keys, "rsa") as listener:
        found = at(listener, "certificate")
        late = at(listener, "certificate", now=NOW + timedelta(days=40_000))
    assert found.part(("key_types",))[0] == "RSA"
    assert found.part(("rsa_bits",)) >= 2048
    assert "vpn.example.test" in found.part(("names",))
    assert found.part(("self_signed",)) is False
    assert late.part(("days_left",)) < 0


def test_a_server_with_whom_nothing_is_finished_shows_no_chain(keys: Keys) -> None:
    with openssl(keys, "ecdsa", "-tls1_3", "-groups", "X25519") as listener:
        problem = at(listener, "certificate").problem
    assert "no chain in the clear of TLS 1.2" in problem
    assert "does not finish the handshake" in problem


def test_datagrams(keys: Keys) -> None:
    with gnutls(keys, "ecdsa", "--udp") as listener:
        assert at(listener, "datagrams").part(("answer",)).endswith("bytes")


def test_nobody_hears() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = Listener("127.0.0.1", unused.getsockname()[1])
        assert "cannot be reached" in at(nobody, "handshake").problem
        assert "hears no UDP" in at(nobody, "datagrams").problem


@contextmanager
def saying(answer: bytes) -> Iterator[Listener]:
    """A server that says the same to everybody and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Listener("127.0.0.1", server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "something else than TLS records"),
        (b"", "closes every connection without a word"),
        (b"\x15\x03\x03\x00\x03\x02\x28\x00", "an alert of another length"),
        (b"\x16\x03\x03\x00\x04\x02\x00\x00\x00", "ends too early"),
        (b"\x16\x03\x03\x00\x04\x0b\x00\x00\x00", "before ServerHello"),
        (b"\x16\x03\x03\x40\x00" + bytes([11, 255, 255, 255]) + bytes(16380), "closes every"),
    ],
)
def test_what_is_no_tls_is_a_problem(answer: bytes, problem: str) -> None:
    with saying(answer) as listener:
        assert problem in at(listener, "handshake").problem


def test_closing_once_is_no_refusal(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sheds one connection of each kind and takes the rest."""
    monkeypatch.setattr("wolfguard.audit.probes.handshake.PAUSE_SECONDS", 0.01)
    once = handshake._once
    shed: set[str] = set()

    def shedding(listener: Listener, name: str) -> Any:
        if name not in shed:
            shed.add(name)
            return None
        return once(listener, name)

    monkeypatch.setattr("wolfguard.audit.probes.handshake._once", shedding)
    with openssl(keys, "rsa") as listener:
        assert at(listener, "handshake").part(("answer",)) == "accepted"


def test_an_alert_is_a_refusal_with_its_name() -> None:
    with saying(b"\x15\x03\x03\x00\x02\x02\x46") as listener:
        assert at(listener, "handshake").seen == {"answer": "refused", "alert": "protocol_version"}
