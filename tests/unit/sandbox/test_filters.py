# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter is installed only if it is the manifest's, byte for byte; the hashes are those of the generator."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from wolfguard import _native
from wolfguard.errors import StartError
from wolfguard.sandbox import filters, manifest
from wolfguard.sandbox.processes import FILTERS, PROCESSES


@pytest.mark.parametrize("machine", ["aarch64", "x86_64"])
@pytest.mark.parametrize("name", sorted({process.filter for process in PROCESSES.values()}))
def test_every_filter_has_its_hash(name: str, machine: str) -> None:
    program = filters.load(name, machine)
    assert hashlib.sha256(program).hexdigest() == FILTERS[filters.file_name(name, machine)] == filters.digest(program)


def test_one_other_bit_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = bytearray(manifest.filter_program("worker", "x86_64"))
    content[-1] ^= 1
    (tmp_path / "changed").write_bytes(content)
    monkeypatch.setattr(manifest, "data_file", lambda name: tmp_path / "changed")
    with pytest.raises(StartError, match=r"worker\.x86_64\.bpf is not the manifest's: .*; install the package again"):
        filters.load("worker", "x86_64")


def test_a_filter_that_the_manifest_does_not_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "FILTERS", {})
    with pytest.raises(StartError, match="in the manifest it is missing"):
        filters.load("worker", "x86_64")


def test_a_module_that_does_not_compute_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str, data: bytes) -> bytes:
        raise RuntimeError("the module is in error state")

    monkeypatch.setattr(_native, "digest", broken)
    with pytest.raises(StartError, match="hash cannot be computed: the module is in error state"):
        filters.load("worker", "x86_64")
