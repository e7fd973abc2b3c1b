# SPDX-License-Identifier: GPL-3.0-or-later
"""Every process, compared with the manifest exactly: nothing missing, nothing extra.

Twice: after the start of the gateway, and after each process was killed and the supervisor has started another.
"""

from __future__ import annotations

import os
import pwd
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.interop.conftest import Field
from tests.system import manifest, proc_files, tracer
from tests.system.manifest import SUPERVISOR, Sizes
from tests.system.proc_files import Mapping
from tests.system.processes import edited, end, entries, pids, settled
from wolfguard import _native
from wolfguard.sandbox import foreign_crypto
from wolfguard.sandbox.manifest import filter_program
from wolfguard.sandbox.processes import PROCESSES

TREE = Path(__file__).resolve().parents[2]
SIZES = Sizes(slots=2, threads=3, listeners=2)
NAMES = manifest.names(SIZES.slots)
LIVES = ("started", "restarted")

# The kernel's own, and memory without a file.
ANONYMOUS = ("", "[heap]", "[stack]", "[vdso]", "[vvar]", "[vvar_vclock]", "[vsyscall]", "[uprobes]")
LIBRARIES = ("/usr/lib/", "/lib/", "/lib64/")
TRAFFIC = "/memfd:wolfguard-traffic-"


@pytest.fixture(scope="module")
def field(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    made = make_gateway(edited(SIZES.slots, handshake_threads=SIZES.threads))
    yield made
    made.gateway.stop()


@pytest.fixture(scope="module", params=LIVES)
def living(request: pytest.FixtureRequest, field: Field) -> dict[str, int]:
    """Processes by name, in their first life, then in their second one."""
    if request.param == "restarted":
        before = pids(field)
        # One by one, since a death also renews the channels of those who live.
        for name in NAMES:
            end(field, [name])
        assert not set(before.values()) & set(pids(field).values()) - {before[SUPERVISOR]}
    return pids(field)


def test_all_processes_of_the_manifest_serve(field: Field, living: dict[str, int]) -> None:
    assert sorted(living) == sorted([*NAMES, SUPERVISOR])
    assert {entry["state"] for entry in entries(field).values()} == {"serving"}
    parents = {name: int(proc_files.status(pid)["PPid"]) for name, pid in living.items() if name != SUPERVISOR}
    assert set(parents.values()) == {living[SUPERVISOR]}


@pytest.mark.parametrize("name", NAMES)
def test_identity_and_capabilities(living: dict[str, int], name: str) -> None:
    process = name.partition("/")[0]
    account = pwd.getpwnam(manifest.children()[process]["user"])
    outer = int(proc_files.status(living[SUPERVISOR])["Seccomp_filters"])
    expected = {
        "Uid": "\t".join([str(account.pw_uid)] * 4),
        "Gid": "\t".join([str(account.pw_gid)] * 4),
        "Groups": "",
        "NoNewPrivs": "1",
        "Seccomp": manifest.SECCOMP_FILTER,
        "Seccomp_filters": str(outer + 1),
        "Umask": "0077",
        **manifest.capability_sets(process),
    }
    # Threads have credentials and filters of their own.
    for thread in proc_files.threads(living[name]):
        seen = proc_files.status(living[name], thread)
        assert {key: seen[key] for key in expected} == expected, thread


@pytest.mark.parametrize("name", NAMES)
def test_limits(living: dict[str, int], name: str) -> None:
    machine = proc_files.limits(living[SUPERVISOR])
    assert proc_files.limits(living[name]) == manifest.limits(name.partition("/")[0], machine)


@pytest.mark.parametrize("name", NAMES)
def test_surroundings(living: dict[str, int], name: str) -> None:
    pid = living[name]
    assert proc_files.environment(pid) == {"PATH", "LANG", "WOLFGUARD_PROCESS"}
    assert proc_files.namespaces(pid) == proc_files.namespaces(living[SUPERVISOR])
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    assert Path(f"/proc/{pid}/root").readlink() == Path("/")
    program = [sys.executable, "-I", "-B", "-m", f"wolfguard.procs.{name.partition('/')[0]}", ""]
    assert Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0") == program


@pytest.mark.parametrize("name", NAMES)
def test_open_descriptors(field: Field, living: dict[str, int], name: str) -> None:
    expected = manifest.descriptors(name.partition("/")[0], SIZES)
    assert settled(field, name, expected) == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_filter_in_the_kernel_is_the_committed_one(living: dict[str, int], name: str) -> None:
    profile = manifest.children()[name.partition("/")[0]]["filter"]
    committed = (manifest.TREE / "seccomp" / "generated" / f"{profile}.{os.uname().machine}.bpf").read_bytes()
    assert filter_program(profile) == committed
    outer = len(tracer.filters(living[SUPERVISOR]))
    for thread in proc_files.threads(living[name]):
        programs = tracer.filters(thread)
        assert programs[0] == committed
        assert len(programs) == outer + 1


@pytest.mark.parametrize("name", NAMES)
def test_mappings(living: dict[str, int], name: str) -> None:
    found = proc_files.mappings(living[name])
    assert [each for each in found if each.writable and each.executable] == []
    assert [each for each in found if each.executable and each.path in ("", "[heap]", "[stack]")] == []
    paths = {each.path for each in found}
    assert foreign_crypto.mapped(Path(f"/proc/{living[name]}/maps").read_text("utf-8", "surrogateescape")) == ()
    ours = Path(sys.prefix) / "wolfssl" / "lib"
    assert {path for path in paths if "libwolf" in path} == {str(next(ours.glob("libwolfssl.so.*.*.*")).resolve())}
    assert [path for path in paths if not permitted(path)] == []
    assert shared_memory(found) == expected_shared_memory(name)


def permitted(path: str) -> bool:
    """Whether this may be mapped at all: memory, counters, or a file that only root can change, of the installation or
    of the system's libraries."""
    if path in ANONYMOUS or path.startswith(("[anon:", "[stack:", TRAFFIC)):
        return True
    if not path.startswith((*LIBRARIES, f"{sys.prefix}/", f"{Path(sys.executable).resolve()}")):
        return False
    status = Path(path).stat()
    return status.st_uid == 0 and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def shared_memory(found: list[Mapping]) -> dict[str, str]:
    """What others could change or see change, with its permissions."""
    memory = {each.path.removesuffix(" (deleted)"): each.permissions for each in found if each.shared}
    return {path: permissions for path, permissions in memory.items() if not path.endswith("/gconv-modules.cache")}


def expected_shared_memory(name: str) -> dict[str, str]:
    """Counters: a worker writes its own, sessiond reads all."""
    process, _, slot = name.partition("/")
    if process == "worker":
        return {f"{TRAFFIC}{slot}": "rw-s"}
    return {f"{TRAFFIC}{each}": "r--s" for each in range(SIZES.slots)} if process == "sessiond" else {}


@pytest.mark.parametrize("name", NAMES)
def test_what_it_says_of_itself(field: Field, living: dict[str, int], name: str) -> None:
    entry = manifest.children()[name.partition("/")[0]]
    folders = len(entry["landlock"]["read"]) + len(entry["landlock"]["write"])
    said = entries(field)[name]["confinement"]
    assert said["landlock"] == f"abi {_native.landlock_abi()}, {folders} folders"
    assert (said["seccomp"], said["user"], said["no_new_privs"]) == ("filter", entry["user"], "1")


@pytest.mark.parametrize("name", NAMES)
def test_nobody_may_look_inside(living: dict[str, int], name: str) -> None:
    assert not proc_files.dumpable(living[name])


def test_how_a_process_looks_that_may_be_looked_into() -> None:
    # Else the test above could not fail.
    assert proc_files.dumpable(os.getpid())


def test_cryptographic_libraries_in_memory_are_those_of_the_table_of_services(living: dict[str, int]) -> None:
    """What maps libwolfssl is listed with a service that says so, and the other way round."""
    services = yaml.safe_load((TREE / "fips" / "services.yml").read_text("utf-8"))["services"]
    listed = {
        (process, library)
        for entry in services
        for process in entry["processes"]
        for library in entry.get("maps", ())
        if process in PROCESSES
    }
    found = {
        (name.partition("/")[0], library)
        for name, pid in living.items()
        for mapping in proc_files.mappings(pid)
        if (library := Path(mapping.path).name.partition(".")[0]).startswith(("libwolfssl", *foreign_crypto.FOREIGN))
    }
    assert found == listed


def test_the_supervisor_maps_no_crypto_and_parses_nothing(living: dict[str, int]) -> None:
    maps = Path(f"/proc/{living[SUPERVISOR]}/maps").read_text("utf-8", "surrogateescape")
    assert foreign_crypto.mapped(maps) == ()
    assert "libwolfssl" not in maps
    assert "yaml" not in maps


def test_nothing_was_needed_too_late(field: Field) -> None:
    text = field.gateway.log.read_text("utf-8")
    assert "late_import" not in text
    assert "SIGSYS" not in text
