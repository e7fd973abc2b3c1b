# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole gateway, looked at from outside: each process is what the manifest says, and comes back after a kill."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.errors import StartError
from wolfguard.linux.namespace import Topology
from wolfguard.sandbox import foreign_crypto
from wolfguard.sandbox.processes import PROCESSES

SECONDS = 30.0
SLOTS = 2
# Sockets, descriptors of the kernel's own kinds, and what the manifest names; no file of the disk.
HARMLESS = ("socket:", "anon_inode:", "pipe:", "/memfd:", "/dev/null", "/dev/net/tun")


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    topology = Topology.named("wgtc")
    topology.delete()
    topology.add()
    folder = Path(tempfile.mkdtemp(prefix="wolfguard-test-"))
    made = Gateway(Site(folder), topology.gateway)
    made.site.prepare(workers=SLOTS)
    made.start()
    yield made
    made.stop()
    topology.delete()
    shutil.rmtree(folder)


def processes(gateway: Gateway) -> dict[str, dict[str, Any]]:
    """By name, workers with their slot."""
    answer = gateway.site.wolfguard("status", "--json")
    assert answer.returncode == 0, answer.stderr
    return {
        f"{entry['process']}/{entry['slot']}" if PROCESSES[entry["process"]].per_slot else entry["process"]: entry
        for entry in json.loads(answer.stdout)["processes"]
    }


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def names() -> list[str]:
    return [
        name
        for process in PROCESSES.values()
        for name in ([f"{process.name}/{slot}" for slot in range(SLOTS)] if process.per_slot else [process.name])
    ]


def test_all_processes_of_the_manifest_serve(gateway: Gateway) -> None:
    found = processes(gateway)
    assert sorted(found) == sorted(names())
    assert {entry["state"] for entry in found.values()} == {"serving"}


@pytest.mark.parametrize("name", names())
def test_a_process_is_what_the_manifest_says(gateway: Gateway, name: str) -> None:
    rules = PROCESSES[name.partition("/")[0]]
    pid = processes(gateway)[name]["pid"]
    seen = status(pid)
    account = pwd.getpwnam(rules.user)
    kept = f"{sum(1 << capability for capability in rules.capabilities):016x}"
    assert seen["Uid"].split() == [str(account.pw_uid)] * 4
    assert seen["Gid"].split() == [str(account.pw_gid)] * 4
    assert seen["Groups"] == ""
    assert (seen["CapPrm"], seen["CapEff"]) == (kept, kept)
    assert {seen["CapInh"], seen["CapAmb"], seen["CapBnd"]} == {"0" * 16}
    assert (seen["NoNewPrivs"], seen["Seccomp"]) == ("1", "2")
    for thread in Path(f"/proc/{pid}/task").iterdir():
        assert re.search(r"^Seccomp:\s2$", (thread / "status").read_text("ascii", "replace"), re.MULTILINE)
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert {entry.partition(b"=")[0] for entry in environment if entry} == {b"PATH", b"LANG", b"WOLFGUARD_PROCESS"}


@pytest.mark.parametrize("name", names())
def test_no_crypto_library_but_ours_is_mapped(gateway: Gateway, name: str) -> None:
    maps = Path(f"/proc/{processes(gateway)[name]['pid']}/maps").read_text("utf-8", "surrogateescape")
    assert foreign_crypto.mapped(maps) == ()
    assert not [line for line in maps.splitlines() if " rwx" in line]


@pytest.mark.parametrize("name", [name for name in names() if name not in ("sessiond", "netd")])
def test_no_file_is_open_but_what_was_given(gateway: Gateway, name: str) -> None:
    links = {
        entry.name: str(entry.readlink()) for entry in Path(f"/proc/{processes(gateway)[name]['pid']}/fd").iterdir()
    }
    log = str(gateway.log)
    others = {number: link for number, link in links.items() if not link.startswith(HARMLESS)}
    assert others == {"1": log, "2": log}


def test_the_supervisor_maps_no_crypto_and_reads_no_network(gateway: Gateway) -> None:
    assert gateway.process is not None
    pid = status(processes(gateway)["keyd"]["pid"])["PPid"]
    maps = Path(f"/proc/{pid}/maps").read_text("utf-8", "surrogateescape")
    assert foreign_crypto.mapped(maps) == ()
    assert "libwolfssl" not in maps
    assert "yaml" not in maps


@pytest.mark.parametrize("name", names())
def test_a_killed_process_comes_back(gateway: Gateway, name: str) -> None:
    pid = processes(gateway)[name]["pid"]
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + SECONDS
    while True:
        assert time.monotonic() < deadline, gateway.log.read_text()
        answer = gateway.site.wolfguard("status", "--json")
        if answer.returncode == 0:
            entries = json.loads(answer.stdout)["processes"]
            if pid not in [entry["pid"] for entry in entries] and {entry["state"] for entry in entries} == {"serving"}:
                break


def test_nothing_was_needed_too_late(gateway: Gateway) -> None:
    text = gateway.log.read_text("utf-8")
    assert "late_import" not in text
    assert "SIGSYS" not in text


def test_a_failed_start_is_one_line_and_leaves_nothing(gateway: Gateway, tmp_path: Path) -> None:
    # The first gateway holds the ports: the second has folders of its own and finds them taken.
    folder = Path(tempfile.mkdtemp(prefix="wolfguard-test-"))
    second = Gateway(Site(folder), gateway.namespace)
    second.site.prepare(workers=1)
    with pytest.raises(StartError, match=r"cannot listen on .*:443: another program does"):
        second.start()
    assert not (folder / "run" / "control.sock").exists()
    shutil.rmtree(folder)
    assert len(processes(gateway)) == len(names())
