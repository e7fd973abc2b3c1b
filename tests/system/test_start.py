# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps the gateway from starting is one clear line and an exit code; neither that nor its end leaves anything."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import PASSWORD, Field
from tests.interop.raw import Raw, inside
from tests.system.whole_gateway import status
from wolfguard import _native
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.crypto.library import MANIFEST
from wolfguard.linux.namespace import Namespace, Topology, run
from wolfguard.module_state import MODULE_FAILED

CANNOT_START, BAD_CONFIGURATION, PROCESS_FAILED = 1, 2, 3
SECONDS = 60


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    made = Topology.named(f"wgs{os.getpid()}")
    made.delete()
    made.add()
    made.settle()
    yield made
    made.delete()


@pytest.fixture
def site() -> Iterator[Site]:
    """A good site; each test spoils it in one way."""
    folder = Path(tempfile.mkdtemp(prefix="wolfguard-test-"))
    made = Site(folder)
    made.prepare()
    yield made
    shutil.rmtree(folder)


def left_behind(namespace: Namespace, site: Site) -> list[str]:
    """Everything that a gateway has in the kernel and in its run folder."""
    commands = (
        ("ip", "-o", "link", "show"),
        ("ip", "-4", "route", "show", "table", "all"),
        ("ip", "-6", "route", "show", "table", "all"),
        ("nft", "-s", "list", "ruleset"),
        ("sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"),
    )
    files = sorted(path.name for path in (site.folder / "run").iterdir())
    return [*(namespace.run(*command) for command in commands), run("ip", "netns", "pids", namespace.name), *files]


def refused(topology: Topology, site: Site, code: int, *, mounts: str = "", runner: Sequence[str] = ()) -> str:
    """Runs the gateway to its early end and returns its one line; `mounts` are shell commands that go before, `runner`
    is a program that executes it."""
    before = left_behind(topology.gateway, site)
    command = [*runner, sys.executable, "-I", "-m", "wolfguard.cli", "run", "--config", str(site.configuration)]
    words = topology.gateway.inside(command)
    if mounts:
        words = ["unshare", "--mount", "sh", "-e", "-c", f'{mounts}\nexec "$@"', "mounts", *words]
    result = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    said = [line for line in result.stderr.splitlines() if line.startswith("wolfguard: ")]
    assert len(said) == 1, result.stderr
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    if code not in (PROCESS_FAILED, MODULE_FAILED):
        assert result.stderr.splitlines() == said
    assert left_behind(topology.gateway, site) == before
    return said[0].removeprefix("wolfguard: ")


def spoil(site: Site, *path: Any, value: Any) -> None:
    """Sets one key of the site file."""
    *folders, last = path
    place: Any = site.document
    for name in folders:
        place = place[name]
    place[last] = value
    site.write()


# --- the machine ----------------------------------------------------------------------------------------------------


def test_a_port_in_use(topology: Topology, site: Site) -> None:
    spoil(site, "listeners", value=[{"address": Topology.GATEWAY_V4, "port": 443}])
    with inside(topology.gateway):
        other = socket.create_server((Topology.GATEWAY_V4, 443))
    with other:
        line = refused(topology, site, CANNOT_START)
    where = f"{Topology.GATEWAY_V4}:443"
    assert line == f"cannot listen on {where}: another program does; stop it or change listeners in the site file"


def test_no_tun_device(topology: Topology, site: Site) -> None:
    line = refused(topology, site, CANNOT_START, mounts="mount -t tmpfs none /dev/net")
    assert line.startswith("cannot open /dev/net/tun: No such file or directory; load the kernel's tun module")


def test_a_device_of_that_name(topology: Topology, site: Site) -> None:
    topology.gateway.run("ip", "link", "add", "vpn1", "type", "veth", "peer", "name", "end1")
    try:
        line = refused(topology, site, PROCESS_FAILED)
    finally:
        topology.gateway.run("ip", "link", "delete", "vpn1")
    assert line.startswith("netd cannot start: a network device vpn1 exists that is not the gateway's")


def test_a_missing_account(topology: Topology, site: Site) -> None:
    accounts = site.folder / "passwd"
    kept = [line for line in Path("/etc/passwd").read_text().splitlines() if not line.startswith("wolfguard-netd:")]
    accounts.write_text("\n".join(kept) + "\n")
    line = refused(topology, site, CANNOT_START, mounts=f"mount --bind {accounts} /etc/passwd")
    assert line == "missing system accounts: wolfguard-netd; install the package again, or run bootstrap"


def test_a_state_folder_that_cannot_be_written(topology: Topology, site: Site) -> None:
    state = site.folder / "state"
    mounts = f"mount --bind {state} {state}; mount -o remount,bind,ro {state}"
    line = refused(topology, site, PROCESS_FAILED, mounts=mounts)
    assert line.startswith("sessiond cannot start: ")
    assert str(state) in line


def test_a_state_folder_of_somebody_else(topology: Topology, site: Site) -> None:
    os.chown(site.folder / "state", 0, 0)
    line = refused(topology, site, CANNOT_START)
    assert line.startswith(f"the folder {site.folder}/state does not belong to wolfguard-sessiond; chown it")


def test_a_second_gateway_on_the_same_folders(topology: Topology, site: Site) -> None:
    gateway = Gateway(site, topology.gateway)
    gateway.start()
    try:
        line = refused(topology, site, CANNOT_START)
        assert line == f"another gateway uses {site.folder}/run; stop it, or give this one its own paths.run"
    finally:
        assert gateway.stop() == 0


def test_a_second_gateway_on_the_same_state(topology: Topology, site: Site) -> None:
    gateway = Gateway(site, topology.upstream)
    gateway.start()
    other = site.folder / "other"
    other.mkdir()
    spoil(site, "paths", "run", value=str(other))
    try:
        line = refused(topology, site, CANNOT_START)
        assert line == f"another gateway uses {site.folder}/state; stop it, or give this one its own paths.state"
        assert list(other.iterdir()) == []
    finally:
        assert gateway.stop() == 0


# --- the library ----------------------------------------------------------------------------------------------------


def test_a_library_with_one_other_byte(topology: Topology, site: Site) -> None:
    library = Path(_native.library_path()).resolve()
    content = bytearray(library.read_bytes())
    content[-1] ^= 1  # in the table of sections, which nobody needs at run time
    copy = site.folder / library.name
    copy.write_bytes(content)
    copy.chmod(0o755)
    line = refused(topology, site, MODULE_FAILED, mounts=f"mount --bind {copy} {library}")
    assert " cannot start: libwolfssl is not the one that was built for this gateway: the SHA-256" in line


def test_a_library_with_another_manifest(topology: Topology, site: Site) -> None:
    manifest = Path(_native.library_path()).resolve().with_name(MANIFEST)
    content = json.loads(manifest.read_text())
    content["version"] = "5.9.1"
    copy = site.folder / MANIFEST
    copy.write_text(json.dumps(content))
    line = refused(topology, site, MODULE_FAILED, mounts=f"mount --bind {copy} {manifest}")
    assert "the manifest 5.9.1; install the package again" in line


# --- certificates and keys ------------------------------------------------------------------------------------------


def key_of(site: Site) -> Path:
    return site.folder / "pki" / "server-ecdsa.key"


def test_a_missing_certificate(topology: Topology, site: Site) -> None:
    key_of(site).with_suffix(".pem").unlink()
    line = refused(topology, site, BAD_CONFIGURATION)
    assert line.startswith(f"{site.configuration}:")
    assert "sites[0].certificates[0].certificate: " in line
    assert line.endswith("cannot be read: no such file; create it or correct the path")


def test_a_missing_key(topology: Topology, site: Site) -> None:
    key_of(site).unlink()
    line = refused(topology, site, BAD_CONFIGURATION)
    assert f"sites[0].certificates[0].key: {key_of(site)} cannot be read: no such file" in line


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_open_to_others(topology: Topology, site: Site, mode: int) -> None:
    key_of(site).chmod(mode)
    line = refused(topology, site, BAD_CONFIGURATION)
    assert f"{key_of(site)} is open to other users; chmod 0600 it" in line


def test_a_key_of_somebody_else(topology: Topology, site: Site) -> None:
    os.chown(key_of(site), 65534, 0)
    line = refused(topology, site, CANNOT_START)
    assert line == f"the private key {key_of(site)} does not belong to root; chown root it"


def test_a_key_that_does_not_fit(topology: Topology, site: Site) -> None:
    shutil.copyfile(site.folder / "pki" / "server-rsa.key", key_of(site))
    line = refused(topology, site, PROCESS_FAILED)
    assert line.startswith(f"keyd cannot start: private key {key_of(site)} for certificate ")


def test_a_key_that_is_none(topology: Topology, site: Site) -> None:
    key_of(site).write_text("not a key\n")
    line = refused(topology, site, PROCESS_FAILED)
    assert line.startswith(f"keyd cannot start: private key {key_of(site)} for certificate ")


# --- the site file --------------------------------------------------------------------------------------------------


def test_an_unknown_key(topology: Topology, site: Site) -> None:
    spoil(site, "sites", 0, "network", "ipv4_pol", value="10.0.0.0/16")
    line = refused(topology, site, BAD_CONFIGURATION)
    assert line.startswith(f"{site.configuration}:")
    assert "sites[0].network.ipv4_pol" in line
    assert "ipv4_pool" in line


def test_no_site_file(topology: Topology, site: Site) -> None:
    site.configuration.unlink()
    line = refused(topology, site, BAD_CONFIGURATION)
    assert line == f"{site.configuration}: cannot be read: no such file; create it or correct the path"


def test_pools_that_overlap(topology: Topology, site: Site) -> None:
    groups = [{"name": "staff", "network": {"ipv4_pool": "10.99.128.0/17"}}]
    spoil(site, "sites", 0, "groups", value=groups)
    line = refused(topology, site, BAD_CONFIGURATION)
    assert "sites[0].groups[0].network.ipv4_pool: is 10.99.128.0/17, which overlaps 10.99.0.0/16" in line


def test_a_pool_with_the_machine_in_it(topology: Topology, site: Site) -> None:
    spoil(site, "sites", 0, "network", "ipv4_pool", value="198.51.100.0/24")
    line = refused(topology, site, PROCESS_FAILED)
    assert line.startswith("netd cannot start: the pool 198.51.100.0/24 has this machine's own address 198.51.100.1")


# --- afterwards -----------------------------------------------------------------------------------------------------


def test_an_orderly_end_leaves_nothing(topology: Topology, site: Site) -> None:
    before = left_behind(topology.gateway, site)
    for number in (signal.SIGTERM, signal.SIGINT):
        gateway = Gateway(site, topology.gateway)
        gateway.start()
        assert left_behind(topology.gateway, site) != before
        assert gateway.process is not None
        gateway.process.send_signal(number)
        assert gateway.process.wait(SECONDS) == 0
        assert left_behind(topology.gateway, site) == before


def test_a_full_pool(make_gateway: Callable[..., Field]) -> None:
    """A /29 has eight addresses; network, broadcast and the gateway's own leave five."""

    def edit(document: dict[str, Any]) -> None:
        document["sites"][0]["network"] = {"ipv4_pool": "10.99.0.0/29"}

    field = make_gateway(edit)
    field.add_user("alice")
    field.add_user("bob")
    with ExitStack() as stack:
        for user in ("alice",) * 5 + ("bob",):
            raw = stack.enter_context(closing(Raw.open(field.topology.client, str(field.site.authority))))
            code, head, _ = raw.connect(raw.log_in(user, PASSWORD))
            assert code == (200 if user == "alice" else 503)
        assert "X-Reason: No address is free at the moment. Try again later." in head
        assert "5 leased" in status(field)["pools"]["10.99.0.0/29"]
    records = [json.loads(line) for line in field.events().splitlines()]
    (record,) = [each for each in records if each["event"] == "pool.exhausted"]
    assert record["fields"]["pool"] == "10.99.0.0/29"
    field.gateway.stop()
