# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard records`: exit codes and words for each kind of trail, and every source that it can be read from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.cli.running import running
from tests.unit.records.trails import Key, Maker, a_trail, write
from wolfguard.cli.root import command
from wolfguard.ipc.management import ReadRecords, RecordBatch
from wolfguard.store.interface import PutRecord, RecordRow
from wolfguard.store.sqlite import SqliteStore

KEY = Key()
TRAIL = a_trail(KEY)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "checkpoint.pub"
    file.write_bytes(KEY.pem)
    return file


def run(*words: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(command, ["records", *(str(word) for word in words)], input=stdin)


def test_a_sound_file(tmp_path: Path, key: Path) -> None:
    result = run("verify", write(tmp_path / "trail", TRAIL), "--key", key)
    assert result.exit_code == 0, result.output
    lines = dict(line.split("  ", 1) for line in result.output.splitlines())
    assert lines["records"].strip() == "30, from 1 to 30"
    assert "3 good; the newest, of 1970-01-01T00:00:29.000Z, covers all up to record 29" in result.output
    assert "sound: nothing is missing or changed, and the key has signed it" in result.output


def test_findings_are_named_and_counted(tmp_path: Path, key: Path) -> None:
    texts = [*TRAIL[:4], TRAIL[4].replace('"slot":4', '"slot":5'), *TRAIL[5:8], *TRAIL[9:]]
    result = run("verify", write(tmp_path / "trail", texts), "--key", key)
    assert result.exit_code == 8
    assert result.output.splitlines()[:2] == [
        "record 5: its hash does not fit its content: it was changed [changed]",
        "record 9 is missing [missing]",
    ]
    assert "NOT SOUND" in result.output


def test_as_json(tmp_path: Path, key: Path) -> None:
    result = run("verify", write(tmp_path / "trail", TRAIL[:8]), "--key", key, "--json")
    assert result.exit_code == 7
    found = json.loads(result.output)
    assert (found["verdict"], found["records"], found["behind"], found["findings"]) == ("undecided", 8, 8, [])
    assert found["keys"] == [KEY.fingerprint]


def test_a_trail_that_was_cut_is_found_by_another_copy(tmp_path: Path, key: Path) -> None:
    whole, cut = write(tmp_path / "whole", TRAIL), write(tmp_path / "cut", TRAIL[:25])
    assert run("verify", cut, "--key", key).exit_code == 0
    result = run("verify", cut, "--key", key, "--against", whole)
    assert result.exit_code == 8
    assert "the trail ends at record 25, but a signed checkpoint covers record 29 [truncated]" in result.output
    result = run("verify", cut, "--key", key, "--against", write(tmp_path / "none", TRAIL[:3]), "--json")
    assert result.exit_code == 1
    assert "no checkpoint by this key" in json.loads(result.stderr)["error"]["text"]


def test_another_key(tmp_path: Path) -> None:
    other = tmp_path / "other.pub"
    other.write_bytes(Key().pem)
    result = run("verify", write(tmp_path / "trail", TRAIL), "--key", other)
    assert result.exit_code == 8
    assert result.output.count("[foreign-key]") == 3


def test_a_trail_whose_gateway_got_a_new_key(tmp_path: Path, key: Path) -> None:
    second = Key()
    maker = Maker(KEY).event(3).checkpoint().event(3)
    trail = write(tmp_path / "trail", maker.checkpoint(second).texts)
    (tmp_path / "second.pub").write_bytes(second.pem)
    assert run("verify", trail, "--key", key).exit_code == 8
    result = run("verify", trail, "--key", key, "--key", tmp_path / "second.pub", "--json")
    found = json.loads(result.output)
    assert (result.exit_code, found["checkpoints"], found["behind"]) == (0, 2, 0)
    assert found["keys"] == [KEY.fingerprint, second.fingerprint]


def test_lines_with_words_before_and_standard_input(key: Path) -> None:
    text = "".join(f"2026-11-26T12:00:00Z gw1 wolfguard-records: {line}\n" for line in TRAIL)
    assert run("verify", "-", "--key", key, stdin=text).exit_code == 0
    assert run("export", "-", stdin=text).output.splitlines() == TRAIL


def test_the_store_of_a_stopped_gateway(tmp_path: Path, key: Path) -> None:
    file = tmp_path / "sessiond.sqlite"
    store = SqliteStore(str(file))
    store.apply_at_start([PutRecord(RecordRow(number, text)) for number, text in enumerate(TRAIL, 1)])
    result = run("verify", "--store", file, "--key", key)
    assert (result.exit_code, "keeps it locked" in result.stderr) == (1, True)
    store._connection.close()
    result = run("verify", "--store", file, "--key", key)
    assert result.exit_code == 0, result.output
    assert run("export", "--store", file).output.splitlines() == TRAIL


def test_the_newest_of_a_running_gateway(tmp_path: Path, key: Path) -> None:
    def page(message: ReadRecords) -> RecordBatch:
        return RecordBatch(tuple(TRAIL[message.after : message.after + 7]), len(TRAIL))

    with running(tmp_path) as site:
        site.sessiond.answers[ReadRecords] = page
        result = run("verify", "--gateway", "--socket", site.path, "--key", key)
        assert result.exit_code == 0, result.output
        assert run("export", "--gateway", "--socket", site.path).output.splitlines() == TRAIL


def test_what_events_prints_as_json_is_the_record_as_it_was_written(tmp_path: Path) -> None:
    texts = Maker(KEY).event(1, who="Zoë \u2028 \x1b").texts
    with running(tmp_path) as site:
        site.sessiond.answers[ReadRecords] = lambda message: RecordBatch(tuple(texts[message.after :]), 1)
        result = CliRunner().invoke(command, ["events", "--since", "0", "--json", "--socket", str(site.path)])
    assert result.output.splitlines() == texts


def test_the_journal(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As journalctl of systemd 252 and 257 prints it; that it is asked rightly, tests/system/test_journal.py shows."""
    entries = [{"WOLFGUARD_RECORD": text, "_PID": "7"} for text in TRAIL]
    entries[3] = {"WOLFGUARD_RECORD": list(TRAIL[3].encode())}  # type: ignore[dict-item]
    output = write(tmp_path / "output", [json.dumps(entry) for entry in entries])
    program = tmp_path / "journalctl"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/words\ncat {output}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert run("verify", "--journal", "--key", key).exit_code == 0
    assert "--all" in (tmp_path / "words").read_text().splitlines(), "long fields are left out without it"
    program.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    result = run("verify", "--journal", "--key", key)
    assert (result.exit_code, result.stderr.strip()) == (1, "wolfguard: journalctl failed: broken")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("verify", "--key", "KEY"), 2, "name one trail"),
        (("verify", "TRAIL", "--journal", "--key", "KEY"), 2, "name one trail"),
        (("verify", "TRAIL", "--key", "TRAIL"), 1, "no public key in PEM form"),
        (("verify", "TRAIL", "--key", "gone"), 1, "cannot read the key gone"),
        (("verify", "TRAIL", "--key", "FIFO"), 1, "is not a regular file"),
        (("verify", "gone", "--key", "KEY"), 1, "cannot read gone"),
        (("verify", "FIFO", "--key", "KEY"), 1, "is not a regular file"),
        (("verify", "/dev/zero", "--key", "KEY"), 1, "is not a regular file"),
        (("verify", "FOLDER", "--key", "KEY"), 1, "is not a regular file"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, key: Path, words: tuple[str, ...], code: int, said: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    places = {"KEY": key, "TRAIL": write(tmp_path / "trail", TRAIL), "FIFO": tmp_path / "fifo", "FOLDER": tmp_path}
    result = run(*(places.get(word, word) for word in words))
    assert (result.exit_code, said in result.stderr) == (code, True), result.stderr


def test_lines_without_end_are_not_held_in_memory(tmp_path: Path, key: Path) -> None:
    """A file of one line of a gigabyte, which takes no space on the disk."""
    file = tmp_path / "long"
    with file.open("wb") as opened:
        opened.write(b'{"event":"')
        opened.truncate(1 << 30)
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (300 << 20, 300 << 20)); "
        "from wolfguard.cli.root import command; command()"
    )
    words = [sys.executable, "-c", program, "records", "verify", str(file), "--key", str(key), "--json"]
    result = subprocess.run(words, check=False, capture_output=True, text=True)
    assert result.returncode == 8, result.stderr
    (finding,) = json.loads(result.stdout)["findings"]
    assert finding["kind"] == "malformed"


def test_export_for_a_reader_that_stops(tmp_path: Path) -> None:
    file = write(tmp_path / "trail", Maker(KEY).event(3000).texts)
    words = f"{sys.executable} -m wolfguard.cli records export {file} | head -n 1"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", words], check=False, capture_output=True, text=True)
    assert (result.returncode, result.stderr, result.stdout.count("\n")) == (0, "", 1)
