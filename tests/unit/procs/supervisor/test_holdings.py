# SPDX-License-Identifier: GPL-3.0-or-later
"""What the supervisor opens: each thing that is missing or refused is one clear line, and nothing stays open."""

from __future__ import annotations

import dataclasses
import os
import pwd
import socket
from pathlib import Path

import pytest

from tests.unit.policy.profiles import profile
from wolfguard.config.site import Certificate, Configuration, Listener, Paths, Records, Site
from wolfguard.crypto.signing import TLS_NUMBERS
from wolfguard.errors import StartError
from wolfguard.ipc import codec
from wolfguard.procs.supervisor import devices, generation, holdings, keys, places
from wolfguard.sandbox.processes import PROCESSES

PROFILE = profile()
ALL = list(PROCESSES.values())


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@pytest.fixture
def configuration(tmp_path: Path, port: int) -> Configuration:
    key = tmp_path / "key.pem"
    key.write_text("a key", "ascii")
    key.chmod(0o600)
    site = Site("main", certificates=(Certificate("c", str(key), 0, "chain"),), crypto=PROFILE)
    return Configuration(
        (Listener("127.0.0.1", port),),
        (site,),
        workers=2,
        paths=Paths(str(tmp_path / "state" / "inner"), str(tmp_path / "run")),
        records=Records("file", str(tmp_path / "records" / "r.jsonl")),
    )


def open_descriptors() -> set[str]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except FileNotFoundError:
            continue
    return found


def refused(configuration: Configuration) -> str:
    before = open_descriptors()
    with pytest.raises(StartError) as caught:
        holdings.open_holdings(configuration, ALL)
    assert open_descriptors() == before
    assert not Path(configuration.paths.run, places.MANAGEMENT_SOCKET).exists()
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_everything_is_opened_and_closed(configuration: Configuration) -> None:
    before = open_descriptors()
    held = holdings.open_holdings(configuration, ALL)
    keeper = pwd.getpwnam("wolfguard-sessiond").pw_uid
    state, records = Path(configuration.paths.state), Path(configuration.records.path).parent
    assert (state.stat().st_uid, state.stat().st_mode & 0o777) == (keeper, 0o700)
    assert (records.stat().st_uid, records.stat().st_mode & 0o777) == (keeper, 0o750)
    control = Path(configuration.paths.run, places.MANAGEMENT_SOCKET)
    assert control.stat().st_mode & 0o777 == 0o666
    assert not any(os.get_inheritable(int(entry.split()[0])) for entry in open_descriptors() - before)
    held.close()
    held.close()
    assert open_descriptors() == before
    assert not control.exists()


def test_each_process_gets_what_the_manifest_says(configuration: Configuration) -> None:
    held = holdings.open_holdings(configuration, ALL)
    worker = held.take(PROCESSES["worker"], 1)
    assert worker[0] == ["configuration", "listener", "datagram", "tun", "traffic"]
    outside = [*held.listeners[1], *held.datagrams[1]]
    assert worker[1] == [held.generation.sealed, *outside, held.tuns[1], held.traffic[1]]
    assert held.take(PROCESSES["netd"], 0)[0] == ["configuration", "tun", "tun"]
    names, descriptors = held.take(PROCESSES["keyd"], 0)
    assert names == ["configuration", "key"]
    assert os.pread(descriptors[1], 10, 0) == b"a key"
    held.close()


def test_a_restarted_keyd_gets_the_key_that_is_in_use(configuration: Configuration, tmp_path: Path) -> None:
    held = holdings.open_holdings(configuration, ALL)
    renewed = tmp_path / "renewed.pem"
    renewed.write_text("renewed", "ascii")
    renewed.chmod(0o600)
    renewed.replace(tmp_path / "key.pem")
    assert os.pread(held.take(PROCESSES["keyd"], 0)[1][1], 10, 0) == b"a key"
    following = generation.open_generation(2, configuration)
    assert os.pread(following.keys[0], 10, 0) == b"renewed"
    following.close()
    held.close()


def test_generations_use_the_two_sides_of_keyd_in_turn(configuration: Configuration) -> None:
    numbers = [generation.number_keys(each, configuration).sites[0].certificates[0].number for each in (1, 2, 3)]
    assert numbers == [generation.SIDE, 0, generation.SIDE]
    assert len(TLS_NUMBERS) == 2 * generation.SIDE


def test_a_port_in_use(configuration: Configuration, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        assert refused(configuration).startswith(f"cannot listen on 127.0.0.1:{port}: another program does")


def test_a_udp_port_in_use(configuration: Configuration, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        assert refused(configuration).startswith(f"cannot listen on 127.0.0.1:{port}/udp: another program does")


def test_udp_is_opened_where_it_is_wanted(configuration: Configuration, port: int) -> None:
    without = dataclasses.replace(configuration, listeners=(Listener("127.0.0.1", port, udp=False),))
    spread = dataclasses.replace(configuration, steer="flow")
    tcp, udp = f"127.0.0.1:{port}/tcp", f"127.0.0.1:{port}/udp"
    for given, texts in ((configuration, [tcp, udp]), (without, [tcp]), (spread, [tcp])):
        held = holdings.open_holdings(given, ALL)
        assert held.addresses == texts
        assert [len(group) for group in held.datagrams] == [len(texts) - 1] * 2
        held.close()


def test_an_address_of_another_machine(configuration: Configuration) -> None:
    elsewhere = dataclasses.replace(configuration, listeners=(Listener("192.0.2.77", 4443),))
    assert "192.0.2.77:4443: this machine has no such address" in refused(elsewhere)


def test_a_second_gateway(configuration: Configuration) -> None:
    held = holdings.open_holdings(configuration, ALL)
    with pytest.raises(StartError, match=r"another gateway uses .*/run; stop it, or give this one its own paths\.run"):
        holdings.open_holdings(configuration, ALL)
    elsewhere = Paths(configuration.paths.state, configuration.paths.run + "2")
    with pytest.raises(StartError, match=r"another gateway uses .*; stop it, or give this one its own paths\.state"):
        holdings.open_holdings(dataclasses.replace(configuration, paths=elsewhere), ALL)
    held.close()


def test_a_served_management_socket(configuration: Configuration, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "run" / places.MANAGEMENT_SOCKET))
        other.listen()
        with pytest.raises(StartError, match="is served by another program"):
            holdings.open_holdings(configuration, ALL)


def test_a_missing_tun(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="modprobe tun"):
        devices.open_tuns(2, str(tmp_path / "tun"))


@pytest.mark.parametrize(
    ("mode", "owner", "words"),
    [(0o640, 0, "chmod 600"), (0o604, 0, "chmod 600"), (0o600, 65534, "does not belong to root")],
)
def test_a_key_that_others_could_read(
    configuration: Configuration, tmp_path: Path, mode: int, owner: int, words: str
) -> None:
    key = tmp_path / "key.pem"
    key.chmod(mode)
    os.chown(key, owner, 0)
    assert words in refused(configuration)


def test_a_key_that_is_no_file(configuration: Configuration, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.unlink()
    assert "cannot open the private key" in refused(configuration)
    os.mkfifo(key, 0o600)
    assert "is not a regular file" in refused(configuration)


def test_a_link_to_a_key_is_followed(tmp_path: Path) -> None:
    real = tmp_path / "real.pem"
    real.write_text("real", "ascii")
    real.chmod(0o600)
    (tmp_path / "link.pem").symlink_to(real)
    descriptor = keys.open_key(str(tmp_path / "link.pem"))
    assert os.read(descriptor, 10) == b"real"
    os.close(descriptor)


def test_keys_are_opened_once_and_in_order(configuration: Configuration) -> None:
    one = configuration.sites[0].certificates[0]
    two = dataclasses.replace(one, number=1)
    sites = tuple(dataclasses.replace(configuration.sites[0], certificates=given) for given in ((two,), (one, two)))
    assert keys.certificates(dataclasses.replace(configuration, sites=sites)) == [one, two]


def test_missing_accounts_are_all_named() -> None:
    with pytest.raises(StartError, match="wolfguard-nobody1, wolfguard-nobody2"):
        places.check_accounts(["wolfguard-nobody1", "wolfguard-worker", "wolfguard-nobody2"])
    # Root's own account is one where the manifest says so.
    places.check_accounts(["root"])
    with pytest.raises(StartError, match="toor"):
        places.check_accounts(["toor"])


def test_a_folder_of_somebody_else_is_not_taken_over(configuration: Configuration, tmp_path: Path) -> None:
    state = tmp_path / "state" / "inner"
    state.mkdir(parents=True)
    assert "does not belong to wolfguard-sessiond" in refused(configuration)
    state.rmdir()
    state.write_text("", "ascii")
    assert "is not a folder" in refused(configuration)


def test_the_configuration_is_sealed(configuration: Configuration) -> None:
    held = holdings.open_holdings(configuration, ALL)
    with pytest.raises(PermissionError):
        os.pwrite(held.generation.sealed, b"x", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(held.traffic[0], 0)
    data = os.pread(held.generation.sealed, 1 << 20, 0)
    assert codec.decode(Configuration, data) == held.generation.configuration
    held.close()
