# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard config`: check, show, resolve."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.config.site_files import certificate, write_site
from wolfguard.cli.root import command
from wolfguard.config import reference
from wolfguard.config.site import Configuration
from wolfguard.ipc import codec

# the default profile has hybrid groups
DEFAULT = pytest.mark.needs_mlkem


def config(*words: str) -> Result:
    return CliRunner().invoke(command, ["config", *words])


def good_site(folder: Path) -> Path:
    """As written for tests, with a certificate that is valid on the day of the test."""
    file = write_site(folder)
    now = datetime.now(UTC)
    pem, key = certificate(("vpn.example.org",), now - timedelta(days=1), now + timedelta(days=90))
    (folder / "vpn.pem").write_bytes(pem)
    (folder / "vpn.key").write_bytes(key)
    return file


@DEFAULT
def test_check_of_a_good_file(tmp_path: Path) -> None:
    file = good_site(tmp_path)
    result = config("check", "--config", str(file))
    assert (result.exit_code, result.output) == (
        0,
        f"{file} is good: 1 listener, 1 site, 0 groups, profile fips-hybrid.\n",
    )
    result = config("check", "--config", str(file), "--json")
    assert json.loads(result.output) == {"good": True, "problems": [], "warnings": []}


def test_check_of_a_bad_file(tmp_path: Path) -> None:
    file = good_site(tmp_path)
    file.write_text(file.read_text() + "worker: 1\nlimits: {sessions: 0}\n")
    result = config("check", "--config", str(file))
    assert result.exit_code == 1
    assert result.output == (
        f"{file}:8: worker: unknown key; did you mean workers?\n"
        f"{file}:9: limits.sessions: is 0; allowed: 1 to 1000000\n"
        f"wolfguard: {file} has 2 problems; nothing was changed\n"
    )
    result = config("check", "--config", str(file), "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["problems"][0].endswith("did you mean workers?")


@DEFAULT
def test_warnings_do_not_fail(tmp_path: Path) -> None:
    file = good_site(tmp_path)
    file.write_text(file.read_text() + "    server_names: [other.example.org]\n")
    result = config("check", "--config", str(file))
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: ")
    assert "is not for other.example.org" in result.stderr


@DEFAULT
def test_show(tmp_path: Path) -> None:
    file = good_site(tmp_path)
    shown = config("show", "--config", str(file))
    assert shown.exit_code == 0
    again = tmp_path / "again.yml"
    again.write_text(shown.output)
    assert config("show", "--config", str(again)).output == shown.output
    assert json.loads(config("show", "--config", str(file), "--json").output)["workers"] == 0


def test_show_defaults() -> None:
    assert config("show", "--defaults").output == reference.default_file()
    entries = json.loads(config("show", "--defaults", "--json").output)
    assert {entry["key"] for entry in entries} >= {"workers", "sites[].network.mtu"}


@DEFAULT
def test_resolve_prints_what_processes_read(tmp_path: Path) -> None:
    result = config("resolve", str(good_site(tmp_path)))
    assert result.exit_code == 0
    made = codec.decode(Configuration, result.stdout_bytes, 16 * 1024 * 1024)
    assert made.sites[0].certificates[0].chain.startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in result.output


def test_resolve_makes_the_own_keys_when_it_is_asked_to_and_the_file_is_good(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    file = good_site(tmp_path)
    file.write_text(f"{file.read_text()}\npaths: {{keys: {keys}}}\n")
    assert json.loads(config("resolve", str(file)).stdout)["own_keys"] == {"checkpoint": "", "evidence": ""}
    assert not keys.exists()
    bad = tmp_path / "bad.yml"
    bad.write_text(f"{file.read_text()}\ncolour: red\n")
    assert config("resolve", "--make-keys", str(bad)).exit_code == 1
    assert not keys.exists()
    resolved = json.loads(config("resolve", "--make-keys", str(file)).stdout)
    assert resolved["own_keys"] == {name: (keys / f"{name}.pub").read_text() for name in ("checkpoint", "evidence")}
    assert json.loads(config("resolve", str(file)).stdout) == resolved
    (keys / "checkpoint.pub").unlink()
    result = config("resolve", "--make-keys", str(file))
    assert (result.exit_code, "checkpoint.key is there without" in result.stderr) == (1, True)
    assert not (keys / "checkpoint.pub").exists()


def test_resolve_of_a_bad_file(tmp_path: Path) -> None:
    result = config("resolve", str(tmp_path / "none.yml"))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "no such file" in result.stderr
