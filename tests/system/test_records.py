# SPDX-License-Identifier: GPL-3.0-or-later
"""The trail of a whole gateway: signed by keyd, verified with the public key alone, whatever dies meanwhile."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import Field
from tests.system import tour
from tests.system.whole_gateway import status, until
from wolfguard.cli.client import Client
from wolfguard.cli.failure import CommandError
from wolfguard.crypto.public_key import from_pem
from wolfguard.crypto.signing import verify_p384


def edit(document: dict[str, Any]) -> None:
    document["records"] |= {"checkpoint_records": 5, "checkpoint_seconds": 10}


@pytest.fixture
def field(make_gateway: Callable[..., Field]) -> Field:
    made = make_gateway(edit)
    made.add_user("alice")
    return made


def checkpoints(field: Field) -> int:
    return field.events().count('"event":"records.checkpoint"')


def stop(field: Field) -> Path:
    """The file of records of a gateway that was stopped in good order."""
    assert field.gateway.stop() == 0
    return Path(field.site.document["records"]["path"])


def verified(field: Field, *words: str) -> tuple[int, dict[str, Any]]:
    key = f"{field.site.document['paths']['keys']}/checkpoint.pub"
    command = [sys.executable, "-I", "-m", "wolfguard.cli", "records", "verify", *words, "--key", key, "--json"]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.stdout, result.stderr
    return result.returncode, json.loads(result.stdout)


def test_from_the_first_record_to_the_last(field: Field, tmp_path: Path) -> None:
    until(lambda: checkpoints(field) >= 1, "the checkpoint of the start")
    early = tmp_path / "early.jsonl"
    for name in ("keyd", "sessiond"):
        tour.restart(field, name)
        tour.log_in_and_out(field)
        before = checkpoints(field)
        until(lambda before=before: checkpoints(field) > before, f"a checkpoint after the death of {name}")  # type: ignore[misc]
    code, found = verified(field, "--gateway", "--socket", str(field.site.control))
    assert (code, found["verdict"]) == (0, "sound"), found
    facts = status(field)["facts"]["sessiond"]
    assert facts["checkpoints"].startswith("signed up to record ")
    assert facts["records lost"] == "0"
    shutil.copy(field.site.document["records"]["path"], early)

    file = stop(field)
    code, found = verified(field, str(file), "--against", str(early))
    assert (code, found["verdict"], found["behind"], found["lost"]) == (0, "sound", 0, 0), found
    assert found["first"] == 1
    store = f"{field.site.document['paths']['state']}/sessiond.sqlite"
    code, found = verified(field, "--store", store)
    assert (code, found["behind"]) == (0, 0), found

    lines = file.read_text().splitlines(keepends=True)
    cut = tmp_path / "cut.jsonl"
    cut.write_text("".join(lines[:8]))
    code, found = verified(field, str(cut), "--against", str(file))
    assert (code, [each["kind"] for each in found["findings"]]) == (8, ["truncated"])
    lines[3] = lines[3].replace('"outcome":"', '"outcome":"not ', 1)
    cut.write_text("".join(lines))
    code, found = verified(field, str(cut))
    assert (code, [(each["record"], each["kind"]) for each in found["findings"]]) == (8, [(4, "changed")])


def test_the_keys_outlive_a_restart_of_the_gateway(field: Field) -> None:
    folder = Path(field.site.document["paths"]["keys"])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(before) == ["checkpoint.key", "checkpoint.pub", "evidence.key", "evidence.pub"]
    stop(field)
    field.gateway.start()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    code, found = verified(field, str(stop(field)))
    assert (code, found["behind"]) == (0, 0), found


def test_evidence_is_signed_and_recorded(field: Field) -> None:
    answer = tour.evidence(field)
    spki = from_pem(answer["public_key"].encode())
    assert verify_p384(spki, b"", base64.b64decode(answer["signature"]))
    assert (Path(field.site.document["paths"]["keys"]) / "evidence.pub").read_text() == answer["public_key"]
    (record,) = [json.loads(line) for line in field.events().splitlines() if '"event":"admin.evidence-signed"' in line]
    assert (record["outcome"], record["fields"]["detail"]) == ("success", "the tour")
    with Client(field.site.control) as caller:
        until(lambda: "in the last minute" in refusal(caller), "a refusal by number")


def refusal(caller: Client) -> str:
    """Why no more is signed; "" when it is."""
    try:
        caller.ask("POST", "/v1/evidence/sign", {"digest": "00" * 48, "subject": "too many"})
    except CommandError as error:
        return str(error)
    return ""
