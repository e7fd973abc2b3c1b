# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup of a gateway that runs, put back where nothing is left of it: the same users, leases, records and keys."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.interop.conftest import PASSWORD, Field
from tests.interop.raw import Raw
from tests.system.whole_gateway import Json, connect, kept, pings, sessions, status, until
from wolfguard.backup import archive
from wolfguard.cli.demo.client import Client


@pytest.fixture
def field(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    made = make_gateway()
    made.add_user("alice")
    yield made
    made.gateway.stop()


def backup(field: Field, name: str = "backup") -> Path:
    file = field.site.folder / name
    result = field.site.wolfguard("backup", str(file), "--config", str(field.site.configuration), "--json")
    assert result.returncode == 0, result.stderr
    return file


def refused(field: Field, *words: str) -> str:
    result = field.site.wolfguard(*words)
    assert (result.returncode, result.stdout) == (1, "")
    return result.stderr


def owned(field: Field) -> dict[str, tuple[int, int, bytes]]:
    """Mode, owner and content of what a backup has but the state, by path."""
    site = field.site
    files = [site.configuration, *(site.folder / "pki").glob("server-*"), *(site.folder / "keys").iterdir()]
    return {str(file): (file.stat().st_mode, file.stat().st_uid, file.read_bytes()) for file in files}


def verified(field: Field, file: Path | None = None) -> Json:
    trail = [str(file)] if file else ["--gateway"]
    key = field.site.folder / "keys" / "checkpoint.pub"
    result = field.site.wolfguard("records", "verify", *trail, "--key", str(key), "--json")
    found: Json = json.loads(result.stdout)
    return found


def lose_everything(field: Field) -> None:
    """As on a fresh machine: no state, no keys, no certificates, no site file."""
    for name in ("state", "keys"):
        shutil.rmtree(field.site.folder / name)
    for file in (field.site.folder / "pki").glob("server-*"):
        file.unlink()
    field.site.configuration.unlink()


def test_a_gateway_comes_back_whole(field: Field) -> None:
    clients: list[Client] = []
    connect(field, clients, "alice")
    try:
        (session,) = sessions(field, "alice")
        assert status(field)["sessions"] == 1
        file = backup(field)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert list((field.site.folder / "state").glob("*copy*")) == []
        before = owned(field)
        assert field.site.wolfguard("stop", "--keep-sessions").returncode == 0
        field.gateway.wait()
        lose_everything(field)
        result = field.site.wolfguard("restore", str(file))
        assert result.returncode == 0, result.stderr
        assert owned(field) == before
        field.gateway.start()
        # The client that was connected all the while, by its cookie; then a login with the password of before.
        until(lambda: pings(field), "the client's return")
        (back,) = sessions(field, "alice")
        assert kept(back) == kept(session)
        with closing(Raw.open(field.topology.client, str(field.site.authority))) as raw:
            assert raw.connect(raw.log_in("alice", PASSWORD))[0] == 200
    finally:
        clients[0].stop()
    assert verified(field)["verdict"] == "sound"
    events = [json.loads(line) for line in field.events().splitlines()]
    (restored,) = [each for each in events if each["event"] == "gateway.restored"]
    assert abs(restored["fields"]["made"] - file.stat().st_mtime) < 60
    copied = next(number for number, each in enumerate(events) if each["event"] == "admin.state-copied")
    assert events.index(restored) > copied


def test_it_says_it_once(field: Field) -> None:
    file = backup(field)
    field.gateway.stop()
    assert field.site.wolfguard("restore", str(file)).returncode == 0
    for _ in range(2):
        field.gateway.start()
        field.gateway.stop()
    field.gateway.start()
    assert field.events().count("gateway.restored") == 1


def test_of_a_gateway_that_does_not_run(field: Field) -> None:
    field.gateway.stop()
    state = field.site.folder / "state" / "sessiond.sqlite"
    owner = state.stat().st_uid
    file = backup(field)
    assert {each.name for each in state.parent.iterdir()} == {"sessiond.sqlite", "records.jsonl"}
    assert state.stat().st_uid == owner
    assert field.site.wolfguard("restore", str(file)).returncode == 0
    assert {each.name for each in state.parent.iterdir()} == {"sessiond.sqlite", "records.jsonl"}
    assert (state.stat().st_uid, stat.S_IMODE(state.stat().st_mode)) == (owner, 0o600)
    field.gateway.start()
    with closing(Raw.open(field.topology.client, str(field.site.authority))) as raw:
        assert raw.connect(raw.log_in("alice", PASSWORD))[0] == 200


def test_not_while_it_runs_and_nothing_changes(field: Field) -> None:
    file = backup(field)
    before = owned(field)
    field.site.configuration.write_text(f"{field.site.configuration.read_text()}# later\n")
    assert "stop it" in refused(field, "restore", str(file))
    assert field.site.configuration.read_text().endswith("# later\n")
    assert {**owned(field), str(field.site.configuration): before[str(field.site.configuration)]} == before
    assert status(field)["silent"] == []


def test_damaged_backups_change_nothing(field: Field) -> None:
    file = backup(field)
    data = file.read_bytes()
    field.gateway.stop()
    before = owned(field)
    state = (field.site.folder / "state" / "sessiond.sqlite").read_bytes()
    middle = len(data) // 2
    damaged = {
        "is cut off": data[:-100],
        "is not a backup of wolfguard": b"PK" + data,
        "was changed or damaged": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "a newer version made it": data.replace(b"wolfguard-backup 2", b"wolfguard-backup 3", 1),
    }
    for text, content in damaged.items():
        other = field.site.folder / "other"
        other.write_bytes(content)
        assert text in refused(field, "restore", str(other))
        assert text in refused(field, "restore", "--check", str(other))
    assert owned(field) == before
    assert (field.site.folder / "state" / "sessiond.sqlite").read_bytes() == state


def test_a_backup_of_another_machine_is_taken_by_its_name_alone(field: Field) -> None:
    made = archive.decode(backup(field).read_bytes())
    other = field.site.folder / "other"
    head = dataclasses.replace(made.head, host="vpn9")
    other.write_bytes(archive.encode(dataclasses.replace(made, head=head)))
    field.gateway.stop()
    before = owned(field)
    for words in ([], ["--of", "vpn8"]):
        text = refused(field, "restore", *words, str(other))
        assert "this backup is of vpn9" in text
        assert text.rstrip().endswith("--of vpn9")
    assert owned(field) == before
    assert field.site.wolfguard("restore", "--of", "vpn9", str(other)).returncode == 0
    assert owned(field) == before


def test_no_backup_takes_the_place_of_another(field: Field) -> None:
    file = backup(field)
    data = file.read_bytes()
    text = refused(field, "backup", str(file), "--config", str(field.site.configuration))
    assert f"{file} is there already" in text
    assert file.read_bytes() == data
    assert sorted(os.listdir(file.parent)) == sorted(set(os.listdir(file.parent)) - {f".{file.name}.partial"})
