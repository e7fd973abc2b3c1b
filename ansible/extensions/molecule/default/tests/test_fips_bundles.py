# SPDX-License-Identifier: GPL-3.0-or-later
"""FIPS bundles that do not pass: from the variable to the refusal, and the running gateway is what it was.

The bundles are made up (tests/unit/fips/fake_bundle.py): a real one cannot be had for tests. Their module has layout,
version and in-core hash of one, and no cryptography, so that a gateway can never be built of it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from testinfra.host import Host

ANSIBLE = Path(__file__).resolve().parents[4]
TREE = ANSIBLE.parent
UNIT = "wolfguard-gateway.service"
# The source that a failed build came from lies below /usr/local/src, and belongs to nobody.
HASHES = (
    "find /etc /usr/local /opt/wolfguard-gateway -xdev -path /usr/local/src -prune -o -type f ! -name '*.pyc' -print0"
    " | sort -z | xargs -0 sha256sum | sha256sum; readlink /opt/wolfguard-gateway/current;"
    " ls /opt/wolfguard-gateway/versions"
)
BUNDLE = "/usr/local/src/wolfssl-bundle"


def maker() -> ModuleType:
    """What makes bundles up; Ansible's environment has no package of the tests."""
    file = TREE / "tests" / "unit" / "fips" / "fake_bundle.py"
    specification = importlib.util.spec_from_file_location("fake_bundle", file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class Controller:
    """Delivers a bundle to the machine by the playbook."""

    def __init__(self, host: Host, machine: str, folder: Path) -> None:
        self.host = host
        self.folder = folder
        self.archive = folder / "delivered.tar.gz"
        made = [os.environ["WOLFGUARD_PYTHON"], "-m", "tests.appliance.versions", machine, "for-a-made-up-module"]
        self.source = subprocess.run(made, cwd=TREE, check=True, capture_output=True, text=True).stdout.strip()
        self.make = maker().make

    def deliver(self, version: str = "v5.2.1", change: Callable[[Path], object] | None = None) -> None:
        """An archive of one folder, as wolfSSL's are."""
        folder = self.make(self.folder / version / "wolfssl-5.9.2-commercial-fips", version)
        if change is not None:
            change(folder)
        subprocess.run(["tar", "-czf", str(self.archive), "-C", str(folder.parent), folder.name], check=True)

    def refused(self, digest: str = "") -> str:
        """What site.yml says, with which it must fail."""
        variables = {
            "gateway_source": self.source,
            "fips_flavour": "v5",
            "fips_bundle": str(self.archive),
            "fips_bundle_sha256": digest or hashlib.sha256(self.archive.read_bytes()).hexdigest(),
        }
        command = ["ansible-playbook", "-i", os.environ["MOLECULE_INVENTORY_FILE"], "site.yml"]
        result = subprocess.run(
            [*command, "-e", json.dumps(variables)],
            cwd=ANSIBLE, env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"},
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        said = " ".join((result.stdout + result.stderr).split())
        assert result.returncode == 2, said[-3000:]
        return said


def gateway(host: Host) -> tuple[str, list[int], str]:
    """Files, processes, and the verdict on the module."""
    status = json.loads(host.check_output("wolfguard status --json"))
    assert status["silent"] == []
    # 6 and 7 are its words for what does not hold; the verdict is wanted
    fips = json.loads(host.run("wolfguard fips status --json").stdout)
    return host.check_output(HASHES), [each["pid"] for each in status["processes"]], fips["verdict"]


@pytest.fixture
def controller(host: Host, folder: Path, tmp_path: Path) -> Controller:
    return Controller(host, folder.name, tmp_path)


@pytest.fixture(autouse=True)
def _the_gateway_stays(host: Host) -> Iterator[None]:
    before = gateway(host)
    assert before[2] == "none"
    yield
    assert gateway(host) == before


@pytest.fixture(scope="module", autouse=True)
def _as_it_was(host: Host) -> Iterator[None]:
    yield
    host.check_output(f"rm -rf {BUNDLE} {BUNDLE}.new {BUNDLE}.tar")


def not_built(said: str) -> None:
    assert "version 9.0.4-" in said
    assert " could not be built; version " in said, said[-3000:]
    assert " runs on as it was: " in said, said[-3000:]
    assert "FIPS verdict validated" not in said


def test_another_archive_than_was_delivered_never_reaches_the_machine(controller: Controller, host: Host) -> None:
    controller.deliver()
    said = controller.refused("0" * 64)
    assert f"{controller.archive} has another SHA-256 than fips_bundle_sha256: ask wolfSSL for the sum" in said
    assert not host.file(f"{BUNDLE}.tar").exists


def test_what_is_no_archive(controller: Controller, host: Host) -> None:
    controller.archive.write_text("an explanation in place of a bundle\n")
    assert "does not look like a tar archive" in controller.refused()
    assert not host.file(BUNDLE).exists


def test_a_bundle_with_a_file_missing(controller: Controller) -> None:
    controller.deliver(change=lambda folder: (folder / "wolfcrypt" / "src" / "fips.c").unlink())
    said = controller.refused()
    not_built(said)
    assert "it is not whole: wolfcrypt/src/fips.c is missing (the module's interface and its version)" in said
    assert "unpack the archive that wolfSSL delivered once more, whole" in said


def test_a_module_of_another_line(controller: Controller) -> None:
    controller.deliver("v6.0.0")
    said = controller.refused()
    not_built(said)
    assert "its module is of line v6, not of v5: give the --flavour that it is of" in said


def test_a_module_whose_own_test_does_not_hold(controller: Controller) -> None:
    controller.deliver(change=lambda folder: (folder / "fips-hash.sh").write_text("#!/bin/sh\nexit 0\n"))
    said = controller.refused()
    not_built(said)
    assert "the built module wolfCrypt v5.2.1 is in error -203: its in-core hash did not take" in said


def test_a_module_that_passes_and_has_no_cryptography(controller: Controller, host: Host) -> None:
    """All that can be asked of the library alone holds; the gateway is not built of it for all that."""
    controller.deliver()
    said = controller.refused()
    not_built(said)
    assert host.file(f"{BUNDLE}/wolfcrypt/src/fips.c").exists
    assert "FIPS verdict bundle" in said
    assert "wolfssl" in said.partition("runs on as it was: ")[2]
