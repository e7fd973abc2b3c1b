# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit beside a real gateway: signed by its evidence key, in its records, and sound for who has the public half and
nothing else, on a machine without a gateway."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.conftest import Field

COMMAND = [sys.executable, "-I", "-m", "wolfguard.cli"]


@pytest.fixture(scope="module")
def gateway(make_gateway: Callable[..., Field]) -> Field:
    return make_gateway()


def verified(place: Path, key: Path) -> tuple[int, str]:
    """Exit code and verdict."""
    words = [*COMMAND, "audit", "verify", str(place), "--key", str(key), "--json"]
    result = subprocess.run(words, check=False, capture_output=True, text=True)
    return result.returncode, json.loads(result.stdout)["verdict"]


def test_signed_recorded_and_verified(gateway: Field, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    words = [*COMMAND, "--socket", str(gateway.site.control), "audit", "run", "--profile", "gateway"]
    words += ["--fail-on", "never", "--output", str(folder)]
    result = subprocess.run(gateway.topology.gateway.inside(words), check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "signed by the gateway's evidence key" in result.stdout
    assert gateway.recorded("admin.evidence-signed")
    keys = gateway.site.folder / "keys"
    evidence = tmp_path / "evidence.pub"
    evidence.write_bytes((keys / "evidence.pub").read_bytes())
    assert verified(folder, evidence) == (0, "sound")
    assert verified(folder / "bundle.jsonl", evidence) == (0, "sound")
    # the gateway's other key signs checkpoints alone
    assert verified(folder, keys / "checkpoint.pub") == (8, "unsound")
    page = folder / "report.html"
    page.write_bytes(page.read_bytes().replace(b"fail", b"pass", 1))
    assert verified(folder, evidence) == (8, "unsound")
    mapped = {each["name"] for each in json.loads((folder / "sbom.cdx.json").read_bytes())["components"]}
    assert "libnftables1" in mapped, "what netd alone has mapped"
