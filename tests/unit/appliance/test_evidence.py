# SPDX-License-Identifier: GPL-3.0-or-later
"""What role verify believes on a controller without wolfguard: what the key of the gateway has signed, and that alone.

The program runs with the interpreter that has Ansible, or any other: none of the package's own libraries is in it.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.unit.audit.evidence.test_verify import FILES, KEY, made
from tests.unit.records.trails import Key

TREE = Path(__file__).resolve().parents[3]
PROGRAM = TREE / "ansible" / "roles" / "verify" / "files" / "evidence.py"
PYTHON = "/usr/bin/python3"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "last"
    place.mkdir()
    for name, content in FILES.items():
        (place / name).write_bytes(content)
    (place / "bundle.jsonl").write_bytes(made())
    (tmp_path / "evidence.pub").write_bytes(KEY.pem)
    return place


def judged(folder: Path) -> tuple[int, dict[str, Any], str]:
    key = folder.parent / "evidence.pub"
    command = [PYTHON, "-I", str(PROGRAM), str(TREE), str(folder), str(key)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    return result.returncode, json.loads(result.stdout or "{}"), result.stderr


def test_what_the_key_has_signed(folder: Path) -> None:
    code, told, errors = judged(folder)
    assert (code, told["verdict"], told["faults"], errors) == (0, "sound", [], "")
    assert (told["place"], told["files"]) == ("gateway-1", ["report.html", "report.txt"])


def test_a_report_that_was_changed(folder: Path) -> None:
    (folder / "report.html").write_text("<p>all is well")
    code, told, _ = judged(folder)
    assert (code, told["verdict"]) == (8, "unsound")
    assert "report.html" in told["faults"][0]


def test_a_file_that_was_added(folder: Path) -> None:
    (folder / "remark.txt").touch()
    code, told, _ = judged(folder)
    assert code == 8
    assert "remark.txt" in told["faults"][0]


def test_another_key_than_the_one_that_the_controller_knows(folder: Path) -> None:
    (folder.parent / "evidence.pub").write_bytes(Key().pem)
    code, told, _ = judged(folder)
    assert (code, told["verdict"]) == (8, "unsound")


def test_a_signature_of_another_key_under_the_name_of_this(folder: Path) -> None:
    content = made(Key()).splitlines()
    seal = json.loads(content[-1])
    seal["seal"]["signatures"][0]["keyid"] = KEY.fingerprint
    lines = [*content[:-1], json.dumps(seal, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()]
    (folder / "bundle.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    code, told, _ = judged(folder)
    assert (code, told["verdict"]) == (8, "unsound")


def test_what_nobody_has_signed(folder: Path) -> None:
    (folder / "bundle.jsonl").write_bytes(made(None))
    code, told, _ = judged(folder)
    assert (code, told["verdict"], told["unsigned_because"]) == (7, "undecided", "nobody was there")


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", b"x" * 5000])
def test_a_file_that_is_no_key(folder: Path, content: bytes) -> None:
    (folder.parent / "evidence.pub").write_bytes(content)
    code, told, errors = judged(folder)
    assert (code, told) == (1, {})
    assert "it is no" in errors
    assert len(errors.splitlines()) == 1


def test_a_key_of_another_kind(folder: Path) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    (folder.parent / "evidence.pub").write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    code, _, errors = judged(folder)
    assert code == 1
    assert "it is no key on P-384" in errors


def test_a_folder_without_a_bundle(folder: Path) -> None:
    (folder / "bundle.jsonl").unlink()
    code, _, errors = judged(folder)
    assert code == 1
    assert "has no bundle.jsonl" in errors
