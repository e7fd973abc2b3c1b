# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard appliance bundle`: what it refuses, and that nothing stays behind when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from wolfguard.cli.root import command

TREE = Path(__file__).resolve().parents[3]


def bundle(folder: Path, *words: str) -> tuple[int, str]:
    target = str(folder / "bundle.tar")
    result = CliRunner().invoke(command, ["appliance", "bundle", "--release", "trixie", "--output", target, *words])
    return result.exit_code, result.output


def test_a_folder_that_is_no_source_tree(tmp_path: Path) -> None:
    code, told = bundle(tmp_path, "--tree", str(tmp_path))
    assert code == 1
    assert "is no source tree of the gateway; name one with --tree" in told


def test_a_file_that_is_there_already(tmp_path: Path) -> None:
    (tmp_path / "bundle.tar").write_text("mine")
    code, told = bundle(tmp_path, "--tree", str(TREE), "--mirror", "http://one/debian")
    assert code == 1
    assert "bundle.tar is there already; name another file with --output" in told
    assert (tmp_path / "bundle.tar").read_text() == "mine"


@pytest.mark.parametrize("words", [("--release", "sarge"), ("--architecture", "s390x")])
def test_a_system_that_no_bundle_is_made_for(tmp_path: Path, words: tuple[str, str]) -> None:
    code, told = bundle(tmp_path, *words)
    assert code == 2
    assert words[1] in told


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a mirror that is not there: wheels and the source are taken from the tree's own ways before."""
    monkeypatch.setattr("wolfguard.appliance.wheels.collect", lambda *words: None)
    code, told = bundle(tmp_path, "--tree", str(TREE), "--mirror", f"file:{tmp_path}/nowhere")
    assert code == 1
    assert "apt could not fetch the packages: E:" in told
    assert "  Debian packages ... failed" in told
    assert list(tmp_path.iterdir()) == []
