# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults in the cryptographic module: a changed byte, a wrong hash, a failed self-test, no entropy. Each ends every
process that has one, with a status of its own and a clear line; nobody listens any more, and the record says why.

The faults are made from outside, in copies of the files that are mounted over the real ones in the gateway's own
namespace, or by a debugger: the product has no hook for them.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.interop.conftest import Field
from tests.interop.raw import inside
from tests.system.test_start import refused, site, topology
from tests.system.test_weakenings import REFUSING
from tests.system.whole_gateway import asked, status, until
from wolfguard import _native
from wolfguard.cli.demo.site import Site
from wolfguard.crypto.library import MANIFEST
from wolfguard.linux.namespace import Topology
from wolfguard.module_state import INTACT, MODULE_FAILED

__all__ = ["site", "topology"]

TREE = Path(__file__).resolve().parents[2]
LIBRARY = Path(_native.library_path()).resolve()
EXTENSION = Path(str(_native.__file__))
SELFTEST_MS_MOST = 300
# Says no by returning -1, with the errno that was there before.
NO_ENTROPY = "{0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff, 0xc3}"


def over(copy: Path, original: Path) -> str:
    return f"mount --bind {copy} {original}"


def changed(site_folder: Path, original: Path, content: bytes) -> str:
    """The mount that puts `content` in the place of a file."""
    copy = site_folder / original.name
    copy.write_bytes(content)
    copy.chmod(0o755)
    return over(copy, original)


def flipped(kind: str) -> bytes:
    """The library with one bit changed, in the middle of its code ("rx") or its constants ("r")."""
    address, size = max(
        ((address, size) for address, size, each, _ in _native.library_segments() if each == kind),
        key=lambda segment: segment[1],
    )
    content = bytearray(LIBRARY.read_bytes())
    # Address and offset are the same in the segments before the writable one. The last bytes of the code belong to what
    # no process needs at its start, those of the constants to unwinding.
    content[address + size - 64] ^= 1
    return bytes(content)


def manifest(**changes: Any) -> bytes:
    return json.dumps(json.loads(LIBRARY.with_name(MANIFEST).read_text()) | changes).encode()


def start_tests() -> set[str]:
    """Names of the tests that have a vector for the start, without those of an algorithm that the library lacks, and of
    the measurement of what is mapped."""
    lacks = () if any("MLKEM" in name for name in _native.built_algorithms()["groups"]) else ("mlkem",)
    files = sorted((TREE / "fips" / "vectors").glob("*.yml"))
    vectors = [each for path in files for each in yaml.safe_load(path.read_text("utf-8"))]
    names = {each["kat"] for each in vectors if each["start"]}
    return {name for name in names if not name.startswith(lacks)} | {"measurement"}


def worker_of(field: Field) -> dict[str, Any]:
    """Its entry in the status; empty while the status cannot be had."""
    answer = asked(field, "status") or {"processes": []}
    found = [each for each in answer["processes"] if each["process"] == "worker"]
    return found[0] if found else {"restarts": -1, "state": "unknown"}


def failures(field: Field) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in field.events().splitlines()]
    return [each for each in records if each["event"] == "module.failed"]


def knock(field: Field) -> None:
    """A handshake begins and is cut off."""
    context = ssl.create_default_context(cafile=str(field.site.authority))
    with (
        inside(field.topology.client),
        pytest.raises((OSError, ssl.SSLError)),
        socket.create_connection((Topology.GATEWAY_V4, 443), timeout=10) as plain,
    ):
        context.wrap_socket(plain, server_hostname=Topology.GATEWAY_V4).close()


@pytest.mark.parametrize(("kind", "words"), [("rx", r"its code \(\.text\)"), ("r", r"its constants \(\.rodata")])
def test_a_changed_byte(topology: Topology, site: Site, kind: str, words: str) -> None:
    """First the file shows it; and where its hash was made to fit, what is mapped does."""
    content = flipped(kind)
    library = changed(site.folder, LIBRARY, content)
    line = refused(topology, site, MODULE_FAILED, mounts=library)
    found = hashlib.sha256(content).hexdigest()
    assert f"the SHA-256 of {LIBRARY.name} is {found}, in the manifest it is" in line
    fitted = changed(site.folder, LIBRARY.with_name(MANIFEST), manifest(files={LIBRARY.name: found}))
    line = refused(topology, site, MODULE_FAILED, mounts=f"{library}\n{fitted}")
    assert re.match(rf"\w+ cannot start: libwolfssl is not the one .*what is mapped of {LIBRARY.name} at", line)
    assert re.search(words, line)


def test_a_wrong_hash_in_the_manifest(topology: Topology, site: Site) -> None:
    segments = json.loads(LIBRARY.with_name(MANIFEST).read_text())["segments"]
    segments[LIBRARY.name][1]["sha256"] = "00" * 32
    mounts = changed(site.folder, LIBRARY.with_name(MANIFEST), manifest(segments=segments))
    line = refused(topology, site, MODULE_FAILED, mounts=mounts)
    assert f"in the manifest it is {'00' * 32}; install the package again" in line


def test_a_self_test_that_fails(topology: Topology, site: Site) -> None:
    """The answer to the AES-GCM question is changed in a copy of the extension: the module's own is then wrong."""
    vectors = yaml.safe_load((TREE / "fips" / "vectors" / "aes_gcm.yml").read_text("utf-8"))
    (vector,) = [each for each in vectors if each["kat"] == "aes_gcm_256" and each["start"]]
    answer = bytes.fromhex(vector["ciphertext"])
    content = EXTENSION.read_bytes()
    assert content.count(answer) == 1
    mounts = changed(site.folder, EXTENSION, content.replace(answer, bytes(len(answer))))
    line = refused(topology, site, MODULE_FAILED, mounts=mounts)
    # The first process that has a module is the one that reads the configuration.
    assert re.match(r'the configuration cannot be read.*module_failed what="the self-test aes_gcm_256" code=0 ', line)


def test_no_entropy_at_the_start(topology: Topology, site: Site) -> None:
    runner = (*REFUSING, "--calls", "entropy", "--errno", "ENOSYS")
    line = refused(topology, site, MODULE_FAILED, runner=runner)
    assert re.search(r'module_failed what="the entropy source \(getrandom\)" code=38 reason="Function not', line)


def test_every_process_says_what_it_has_tested_and_lives_no_longer_than_its_module(
    make_gateway: Callable[..., Field],
) -> None:
    """One gateway: a look at its status, then entropy that fails in a worker at work, then a library that is exchanged
    under it, so that no fresh process can have a sound one any more."""
    field = make_gateway()
    said = status(field)
    assert [each["process"] for each in said["modules"]] == [each["process"] for each in said["processes"]]
    for each in said["modules"]:
        assert each["integrity"] == INTACT
        assert set(each["tests"]) == start_tests()
        assert set(each["tests"].values()) == {"passed"}
        assert 0 < each["selftest_ms"] <= SELFTEST_MS_MOST, each

    first = worker_of(field)
    subprocess.run(
        ["gdb", "-nx", "-batch", "-p", str(first["pid"]), "-ex", f"set {{unsigned char[8]}}getrandom = {NO_ENTROPY}"],
        check=True,
        capture_output=True,
    )
    knock(field)
    until(lambda: worker_of(field)["restarts"] == 1 and worker_of(field)["state"] == "serving", "a fresh worker")
    assert "its cryptographic module failed" in worker_of(field)["last_failure"]
    log = field.gateway.log.read_text("utf-8")
    assert re.search(r'^error worker module_failed what="the entropy source \(getrandom\)"', log, re.MULTILINE)
    (record,) = failures(field)
    assert (record["outcome"], record["fields"]["stage"]) == ("failure", "running")
    assert record["fields"]["process"].startswith("worker")

    process = field.gateway.process
    assert process is not None
    mount = changed(field.site.folder, LIBRARY, flipped("rx"))
    subprocess.run(["nsenter", "-t", str(process.pid), "-m", "sh", "-c", mount], check=True)
    subprocess.run(["kill", "-KILL", str(worker_of(field)["pid"])], check=True)
    assert process.wait(30) == MODULE_FAILED
    log = field.gateway.log.read_text("utf-8")[len(log) :]
    assert log.count("spawned child=worker") == 2
    assert re.search(r"^wolfguard: worker(/0)? has no cryptographic module that works: libwolfssl is not", log, re.M)
    with inside(field.topology.client), pytest.raises(ConnectionRefusedError):
        socket.create_connection((Topology.GATEWAY_V4, 443), timeout=5)
