# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor without a unit: `wolfguard run` leaves itself of root what the manifest lists, or does not start."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.errors import StartError
from wolfguard.linux.namespace import Topology
from wolfguard.sandbox.outer_bound import CAPABILITIES


@pytest.fixture
def site() -> Iterator[tuple[Site, Topology]]:
    topology = Topology.named(f"wgut{os.getpid()}")
    topology.delete()
    topology.add()
    folder = Path(tempfile.mkdtemp(prefix="wolfguard-test-"))
    made = Site(folder)
    made.prepare(workers=1)
    yield made, topology
    topology.delete()
    shutil.rmtree(folder)


def test_the_supervisor_keeps_what_the_manifest_lists(site: tuple[Site, Topology]) -> None:
    gateway = Gateway(site[0], site[1].gateway)
    gateway.start()
    try:
        assert gateway.process is not None
        # `ip netns exec` has become the gateway
        for thread in Path(f"/proc/{gateway.process.pid}/task").iterdir():
            lines = (thread / "status").read_text("utf-8", "replace").splitlines()
            seen = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
            kept = f"{sum(1 << number for number in CAPABILITIES.values()):016x}"
            assert {seen[name] for name in ("CapPrm", "CapEff", "CapBnd")} == {kept}
            assert {seen[name] for name in ("CapInh", "CapAmb")} == {"0" * 16}
            assert seen["NoNewPrivs"] == "1"
    finally:
        assert gateway.stop() == 0


@pytest.mark.parametrize("name", CAPABILITIES)
def test_one_that_is_missing_ends_the_start(site: tuple[Site, Topology], name: str) -> None:
    word = name.removeprefix("CAP_").lower()
    gateway = Gateway(site[0], site[1].gateway, ("setpriv", f"--bounding-set=-{word}", "--"))
    with pytest.raises(StartError) as error:
        gateway.start()
    line = str(error.value).splitlines()[-1]
    assert line == f"wolfguard: the gateway cannot start without {name}; let this container or unit have it"
