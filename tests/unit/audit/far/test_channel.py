# SPDX-License-Identifier: GPL-3.0-or-later
"""Other ends that vanish, hang or lie: named, an error, never missing and never a hang; and nothing of them is left."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.unit.audit.far.ends import PREFIX, false, real
from wolfguard.audit.far import channel as channels
from wolfguard.audit.far.channel import Channel
from wolfguard.audit.far.place import FarPlace
from wolfguard.audit.observation import Unobservable
from wolfguard.audit.place import Missing
from wolfguard.errors import LocalError

SOON = 20.0
GIVE = "q = question(); (lambda body: (answer({'id': q['id']}, body), time.sleep(60)))"


def refused(place: FarPlace) -> str:
    """What the place says; that there is nothing it must never say."""
    begun = time.monotonic()
    with pytest.raises(Unobservable) as caught:
        place.facts("/etc/passwd")
    assert time.monotonic() - begun < SOON
    assert not isinstance(caught.value, Missing)
    return str(caught.value)


def pid_of(channel: Channel) -> int:
    assert channel._process is not None
    return channel._process.pid


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["/nonexistent/ssh"], "gw1 cannot be looked at: No such file or directory"),
        (["sh", "-c", "echo Permission denied >&2; exit 255"], "gw1 cannot be looked at: Permission denied"),
        (["true"], "gw1 cannot be looked at: the way there ended with 0"),
        (["cat", "/dev/zero"], "another form than ours"),
    ],
)
def test_a_way_that_leads_nowhere(command: list[str], why: str) -> None:
    channel = Channel("gw1", lambda: command)
    place = FarPlace("gw1", channel, PREFIX)
    assert why in refused(place)
    assert refused(place) == place.lost()
    channel.close()


def test_a_container_that_there_is_not() -> None:
    def nowhere() -> list[str]:
        raise LocalError("no container 'gw1' runs here")

    assert "no container 'gw1' runs here" in refused(FarPlace("gw1", Channel("gw1", nowhere), PREFIX))


def test_a_login_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "START_SECONDS", 0.5)
    place = FarPlace("gw1", Channel("gw1", lambda: ["sleep", "600"]), PREFIX)
    assert "has not been heard of for 0.5 s" in refused(place)


def test_a_login_that_greets() -> None:
    with false("q=question(); answer({'id': q['id']}, json.dumps(['a']).encode())\ntime.sleep(60)") as place:
        assert place.listing("/etc") == ("a",)


def test_one_that_vanishes_while_it_is_asked() -> None:
    with false("question(); os._exit(3)") as place:
        assert "gw1 has gone: the way there ended with 3" in refused(place)
        assert place.lost()


def test_one_that_is_killed() -> None:
    with real() as (place, channel):
        place.facts("/etc")
        os.kill(pid_of(channel), signal.SIGKILL)
        assert "gw1 has gone" in refused(place)


def test_one_that_is_stopped() -> None:
    with false("time.sleep(600)", silence=0.5) as place:
        assert "has not been heard of for 0.5 s" in refused(place)


def test_one_that_lives_and_does_not_answer() -> None:
    with false("while 1: answer({'beat': True}); time.sleep(0.1)", silence=5.0) as place:
        with pytest.raises(Unobservable, match=r"did not answer within 0\.5 s"):
            place._channel.ask("facts", 100, 0.5)
        assert place.lost() == ""


@pytest.mark.parametrize(
    "script",
    [
        "q=question(); o.write(b'HTTP/1.1 200 OK'); o.flush(); time.sleep(60)",
        "q=question(); answer({'id': q['id']}, b'x' * 10_000_000); time.sleep(60)",
        "q=question(); answer({'id': 4711}, b'x'); time.sleep(60)",
        "while 1: answer({'beat': True}, b'x' * 1000)",
        f"{GIVE}(b'no json')",
        f"{GIVE}(b'[' * 10000)",
        f"{GIVE}(json.dumps(['file', 420, 'root', 'root', 'large', '']).encode())",
        f"{GIVE}(json.dumps(['pipe', 420, 'root', 'root', 1, '']).encode())",
        f"{GIVE}(json.dumps(['file', True, 'root', 'root', 1, '']).encode())",
        f"{GIVE}(json.dumps(['file', 420, 'root', 'root', 1]).encode())",
    ],
)
def test_one_that_lies_about_the_form(script: str) -> None:
    with false(script) as place:
        assert "another form than ours" in refused(place)


@pytest.mark.parametrize("files", ["[]", "[5]", "[-1]", "[3, 3]", "[['a']]", "[None]", "7", "[True, 1]"])
def test_one_that_lies_about_files(files: str) -> None:
    script = f"q=question(); answer({{'id': q['id'], 'files': {files}}}, b'abc')\ntime.sleep(60)"
    with false(script) as place, pytest.raises(Unobservable, match="another form"):
        place.read("/etc/passwd")


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ""])
def test_names_that_lead_elsewhere(name: str) -> None:
    with (
        false(f"q=question(); answer({{'id': q['id']}}, json.dumps([{name!r}]).encode())\ntime.sleep(60)") as place,
        pytest.raises(Unobservable, match="another form"),
    ):
        place.listing("/etc")


def test_a_reason_without_end_is_cut() -> None:
    with false("q=question(); answer({'id': q['id'], 'problem': 'x' * 100000})\ntime.sleep(60)") as place:
        assert len(refused(place)) < 1000


def test_many_ask_at_the_same_time() -> None:
    with real() as (place, _):
        found: dict[int, object] = {}
        threads = [
            threading.Thread(target=lambda number=number: found.update({number: place.facts("/etc").kind}))
            for number in range(30)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON)
        assert len(found) == 30


def test_nothing_is_left_of_the_other_end(tmp_path: Path) -> None:
    """Not of what it has started either, when its input ends."""
    (tmp_path / "nft").write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nexec sleep 600\n")
    (tmp_path / "nft").chmod(0o755)
    with real() as (place, channel):
        place.facts("/etc")
        words = {"command": ["nft"], "path": f"{tmp_path}:/usr/bin:/bin", "within": 600, "bytes": 100}
        asking = threading.Thread(target=lambda: _quietly(channel, words))
        asking.start()
        number = _written(tmp_path / "pid")
        process = channel._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        end = time.monotonic() + SOON
        while _lives(number):
            assert time.monotonic() < end, "the program outlives the other end"
            time.sleep(0.05)
        asking.join(SOON)
        assert not asking.is_alive()


def _quietly(channel: Channel, words: dict[str, object]) -> None:
    with pytest.raises(Unobservable):
        channel.ask("run", 100, 60, **words)


def _written(file: Path) -> int:
    end = time.monotonic() + SOON
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return int(file.read_text())


def _lives(number: int) -> bool:
    result = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], check=False, capture_output=True, text=True)
    return result.stdout.strip()[:1] not in ("", "Z")
