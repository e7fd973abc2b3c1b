# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of an audit and `wolfguard audit verify`: signed by a real evidence key through the management socket, and
what the command says of it, of one that somebody has changed, and of one that nobody has signed."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.audit import sample
from tests.unit.cli.running import running
from tests.unit.procs.mgmtd.evidence_key import served
from tests.unit.records.trails import Key
from wolfguard.cli import audit_output
from wolfguard.cli.audit_subject import beside
from wolfguard.cli.failure import CommandError
from wolfguard.cli.root import command
from wolfguard.ipc.management import NoteEvidence
from wolfguard.ipc.messages import Done


def verify(*words: object) -> Result:
    return CliRunner().invoke(command, ["audit", "verify", *(str(word) for word in words)])


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    """The folder of an audit; the public key lies in `keys` beside it."""
    keys, folder, socket = tmp_path / "keys", tmp_path / "audit", tmp_path / "run"
    keys.mkdir()
    socket.mkdir()
    audit_output.prepare(folder, as_json=False)
    with served(keys) as key, running(socket, evidence=key) as site:
        site.sessiond.answers[NoteEvidence] = Done()
        told = audit_output.write(folder, sample.audit(), beside(site.path))
        (noted,) = [message for message in site.sessiond.asked if isinstance(message, NoteEvidence)]
    assert "signed by the gateway's evidence key" in told[-1]
    assert noted.subject == "audit of gateway-1, profile sample"
    return folder


def test_what_a_gateway_has_signed(signed: Path) -> None:
    key = signed.parent / "keys" / "evidence.pub"
    result = verify(signed, "--key", key)
    assert result.exit_code == 0, result.output
    lines = dict(line.split("  ", 1) for line in result.output.splitlines())
    assert lines["audit"].strip() == "gateway-1, profile sample, 2026-11-26T12:00:07Z"
    assert lines["evidence"].strip() == "9"
    assert "report.txt, result.json" in lines["reports"]
    assert lines["verdict"].strip() == "sound: nothing is missing or changed, and the key has signed it"
    alone = verify(signed / "bundle.jsonl", "--key", key, "--json")
    found = json.loads(alone.output)
    assert (alone.exit_code, found["verdict"], found["files"]) == (0, "sound", [])
    assert "result.json" in found["elsewhere"]


def test_only_the_owner_reads_it(signed: Path) -> None:
    assert {stat.S_IMODE(file.stat().st_mode) for file in signed.iterdir()} == {0o600}


def test_each_file_that_was_changed_is_named(signed: Path) -> None:
    key = signed.parent / "keys" / "evidence.pub"
    for file in signed.iterdir():
        before = file.read_bytes()
        file.write_bytes(before.replace(b"gateway-1", b"gateway-2", 1) if b"gateway-1" in before else before + b" ")
        result = verify(signed, "--key", key)
        assert result.exit_code == 8, file
        assert "[changed]" in result.output, file
        assert file.name == "bundle.jsonl" or file.name in result.output.splitlines()[0]
        file.write_bytes(before)
    assert verify(signed, "--key", key).exit_code == 0


def test_a_bundle_that_was_cut_off(signed: Path) -> None:
    file = signed / "bundle.jsonl"
    file.write_bytes(file.read_bytes()[:-400])
    result = verify(signed, "--key", signed.parent / "keys" / "evidence.pub")
    assert result.exit_code == 8
    assert "it ends in the middle of a line [truncated]" in result.output


def test_another_key(signed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pub"
    other.write_bytes(Key().pem)
    result = verify(signed, "--key", other)
    assert result.exit_code == 8
    assert "it is signed by another key" in result.output
    assert "[foreign-key]" in result.output


def test_where_no_gateway_runs_the_bundle_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    audit_output.prepare(folder, as_json=False)
    told = audit_output.write(folder, sample.audit(), beside(tmp_path / "none.sock"))
    assert "NOT SIGNED: no gateway answers at" in told[-1]
    key = tmp_path / "some.pub"
    key.write_bytes(Key().pem)
    result = verify(folder, "--key", key)
    assert result.exit_code == 7
    assert "NOT SIGNED: no gateway answers at" in result.output
    assert "undecided: nothing contradicts it, but nobody has signed it" in result.output


def test_a_gateway_without_an_evidence_key(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    audit_output.prepare(folder, as_json=False)
    with running(tmp_path) as site:
        told = audit_output.write(folder, sample.audit(), beside(site.path))
    assert "NOT SIGNED: this gateway has no evidence key" in told[-1]


@pytest.mark.parametrize("content", ["", "nothing", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_key(signed: Path, tmp_path: Path, content: str) -> None:
    key = tmp_path / "bad.pub"
    key.write_text(content)
    result = verify(signed, "--key", key, "--json")
    assert result.exit_code == 1
    assert "bad.pub" in json.loads(result.stderr)["error"]["text"]


def test_what_is_no_folder_of_an_audit(tmp_path: Path) -> None:
    key = tmp_path / "some.pub"
    key.write_bytes(Key().pem)
    assert "there is no" in verify(tmp_path / "none", "--key", key).stderr
    assert "bundle.jsonl" in verify(tmp_path, "--key", key).stderr
    assert "not read" in verify("/dev/zero", "--key", key).stderr


def test_a_folder_that_holds_an_audit_is_left_alone(signed: Path) -> None:
    result = CliRunner().invoke(command, ["audit", "run", "--output", str(signed)])
    assert result.exit_code == 1
    assert "is there already; name another folder" in result.stderr


@pytest.mark.parametrize("name", ["report.html", "sbom.cdx.json", "hdf.json"])
def test_no_audit_is_lost_for_want_of_a_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    result = CliRunner().invoke(command, ["audit", "run", "--output", str(tmp_path)])
    assert result.exit_code == 1
    assert f"{name} is there already" in result.stderr


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "result.json").symlink_to("/dev/full")
    with pytest.raises(CommandError, match=r"result\.json cannot be written"):
        audit_output.write(tmp_path, sample.audit(), beside(tmp_path / "none.sock"))
