# SPDX-License-Identifier: GPL-3.0-or-later
"""No confinement, no gateway: a filter that is not the manifest's, a kernel without seccomp or Landlock end the start
with one clear line and leave nothing; what Landlock's version is, log and status say."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.interop.conftest import Field
from tests.system.test_start import PROCESS_FAILED, refused, site, topology
from tests.system.test_weakenings import REFUSING
from tests.system.whole_gateway import status
from wolfguard import _native
from wolfguard.cli.demo.site import Site
from wolfguard.linux.namespace import Topology
from wolfguard.sandbox import filters, manifest
from wolfguard.sandbox.processes import PROCESSES

__all__ = ["site", "topology"]


@pytest.mark.parametrize("process", PROCESSES)
def test_a_filter_with_one_other_bit(topology: Topology, site: Site, process: str) -> None:
    """The last instruction then allows what it killed for."""
    path = manifest.data_file(filters.file_name(PROCESSES[process].filter))
    assert path is not None
    content = bytearray(path.read_bytes())
    content[-8:] = b"\x06\x00\x00\x00\x00\x00\xff\x7f"
    copy = site.folder / path.name
    copy.write_bytes(content)
    copy.chmod(0o644)
    if PROCESSES[process].when == "pam":
        site.document["backends"] = [{"name": "machine", "type": "pam", "pam": {"service": "login"}}]
        site.write()
    line = refused(topology, site, PROCESS_FAILED, mounts=f"mount --bind {copy} {path}")
    found = filters.digest(bytes(content))
    assert re.match(rf"{process}(/\d)? cannot start: the seccomp filter {path.name} is not the manifest's", line)
    assert f"its SHA-256 is {found}, in the manifest it is" in line
    assert line.endswith("install the package again")


def test_an_empty_filter(topology: Topology, site: Site) -> None:
    path = manifest.data_file(filters.file_name("worker"))
    line = refused(topology, site, PROCESS_FAILED, mounts=f"mount --bind /dev/null {path}")
    # A device is no file.
    assert re.match(r"worker(/\d)? cannot start: no seccomp filter worker\.", line)


@pytest.mark.parametrize("error", ["ENOSYS", "EINVAL", "EPERM"])
def test_a_kernel_without_seccomp(topology: Topology, site: Site, error: str) -> None:
    runner = (*REFUSING, "--calls", "seccomp", "--errno", error)
    line = refused(topology, site, PROCESS_FAILED, runner=runner)
    assert re.match(r"\w+ cannot start: the kernel takes no seccomp filter \(.*CONFIG_SECCOMP_FILTER", line)


@pytest.mark.parametrize("error", ["ENOSYS", "EOPNOTSUPP", "EPERM"])
def test_a_kernel_without_landlock(topology: Topology, site: Site, error: str) -> None:
    site.document.pop("confinement", None)
    site.write()
    runner = (*REFUSING, "--calls", "landlock", "--errno", error)
    line = refused(topology, site, PROCESS_FAILED, runner=runner)
    assert re.match(r"\w+ cannot start: Landlock is missing: .*lsm=.*confinement: \{allow: \[no-landlock\]\}", line)


def test_landlocks_version_is_said(make_gateway: Callable[..., Field]) -> None:
    field = make_gateway()
    version = f"abi {_native.landlock_abi()}, "
    for each in status(field)["processes"]:
        rules = PROCESSES[each["process"]].landlock
        assert rules is not None
        folders = len(rules.read) + len(rules.write)
        assert each["confinement"]["landlock"] == f"{version}{folders} folders"
    log = field.gateway.log.read_text("utf-8")
    assert log.count(f'landlock="{version}') == len(status(field)["processes"])
    field.gateway.stop()
