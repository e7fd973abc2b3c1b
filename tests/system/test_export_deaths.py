# SPDX-License-Identifier: GPL-3.0-or-later
"""rsyslog dies at one exact moment between reading a record and knowing that the collector has it: at each system call
that changes what it knows, on either side, by a tracer that kills it there.

What docs/how-to/records.md promises: where one side dies, no record is lost, and those that come twice are the same
ones with the same numbers, which is no finding. Where the collector dies with a record that it has not confirmed, and
then the sender, one record can be lost, or two where the sender was told to end; verify names their numbers, and the
gateway's file has them.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.export_ground import LIMIT, Daemon, Ground, MakeExport, verified
from tests.system.whole_gateway import until

QUEUE = "wolfguard-records.00000001"
NOTES = "wolfguard-records.qi"
# which system call on which file of the sender, and the how many-th of its thread
SENDER_DIES = {
    "it has read the record and kept it nowhere": ("write", QUEUE, 1),
    "its queue holds the record, unsynced": ("fdatasync", QUEUE, 1),
    "its queue is not noted as longer": ("rename", f"{NOTES}.tmp", 1),
    "the record has left, and its queue does not know": ("rename", f"{NOTES}.tmp", 2),
}
COLLECTOR_DIES = {
    "before the record is in its file": "write",
    "the record is in its file, and not confirmed": "fdatasync",
}


@contextmanager
def killed_at(daemon: Daemon, call: str, path: Path, number: int) -> Iterator[None]:
    """At its `number`-th `call` on the file, on the way into the kernel: the call is not made."""
    assert daemon.process is not None
    # calls with a name give it as the daemon sees it, calls with a descriptor are known by the file behind it
    names = [f"--trace-path={each}" for each in (path, daemon.ground.inside(path))]
    words = ["strace", "--follow-forks", f"--attach={daemon.process.pid}", *names, f"--trace={call}"]
    words += [f"--inject={call}:error=EIO:signal=KILL:when={number}", f"--output={daemon.folder / 'strace'}"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as tracer:
        try:
            assert tracer.stderr is not None
            assert "attached" in tracer.stderr.readline()
            yield
            assert daemon.process.wait(LIMIT) == -signal.SIGKILL
        finally:
            tracer.terminate()
    daemon.end()


def running(make_export: MakeExport) -> tuple[Ground, Daemon, Daemon]:
    """With the first records in the collector's file, so that all files are there."""
    place, server, sender = make_export()
    server.start()
    sender.start()
    place.emit(5)
    place.wait("the first records")
    return place, server, sender


def record(place: Ground) -> int:
    """One more; its number."""
    place.maker.event()
    place.write()
    return place.written


def at_least_once(place: Ground, number: int) -> int:
    """How often the record has come in the end; all came, in order, and verify takes those that came twice for good."""
    place.emit(3)
    place.wait("what was recorded afterwards")
    report = verified(place)
    assert (report.findings, report.verdict, report.last) == ([], "sound", place.written)
    assert list(dict.fromkeys(place.collected)) == place.maker.texts
    return place.collected.count(place.maker.texts[number - 1])


@pytest.mark.parametrize("moment", SENDER_DIES)
def test_the_sender_dies_with_a_record(make_export: MakeExport, moment: str) -> None:
    call, name, times = SENDER_DIES[moment]
    place, _, sender = running(make_export)
    with killed_at(sender, call, sender.folder / "spool" / name, times):
        number = record(place)
    sender.start()
    assert at_least_once(place, number) >= 1


@pytest.mark.parametrize("moment", COLLECTOR_DIES)
def test_the_collector_dies_with_a_record(make_export: MakeExport, moment: str) -> None:
    call = COLLECTOR_DIES[moment]
    place, server, _ = running(make_export)
    (file,) = (place.folder / "collected").glob("*.jsonl")
    with killed_at(server, call, file, 1):
        number = record(place)
    server.start()
    assert at_least_once(place, number) >= (2 if call == "fdatasync" else 1)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_both_die_with_the_record_that_nobody_has_confirmed(make_export: MakeExport, how: signal.Signals) -> None:
    place, server, sender = running(make_export)
    stop(server)
    number = record(place)
    until(lambda: unread(place) > 0, "a record that the collector has not read", LIMIT)
    server.end(signal.SIGKILL)
    last = [record(place) for _ in range(3)][-1]
    until(lambda: "suspending" in place.log(), "a sender that knows that the collector is away", LIMIT)
    sender.end(how)
    server.start()
    sender.start()
    # twice: one that was sent again on a new connection can come behind those that were recorded after it
    for _ in range(2):
        place.emit(3)
        place.wait("what was recorded afterwards")
    # the one that was under way, and at an orderly end the one that waited for it; verify says which
    lost = [each for each, text in enumerate(place.maker.texts, 1) if text not in place.collected]
    assert len(lost) <= (2 if how is signal.SIGTERM else 1), lost
    assert missing(place) == lost
    assert set(lost) <= set(range(number, last + 1))
    assert set(place.source.read_text().splitlines()) == set(place.maker.texts)


def stop(daemon: Daemon) -> None:
    """None of its threads takes anything any more."""
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGSTOP)
    threads = Path(f"/proc/{daemon.process.pid}/task")
    until(
        lambda: all((each / "stat").read_text().rpartition(")")[2].split()[0] == "T" for each in threads.iterdir()),
        "a daemon that stands still",
        LIMIT,
    )


def missing(place: Ground) -> list[int]:
    """Numbers that verify names as missing: "record 7 is missing", "records 7 to 8 are missing"."""
    found: list[int] = []
    for finding in verified(place).findings:
        if finding.kind == "missing":
            numbers = [int(word) for word in finding.text.split() if word.isdecimal()]
            found += range(numbers[0], numbers[-1] + 1)
    return found


def unread(place: Ground) -> int:
    """Bytes in the kernel that the collector has not taken."""
    command = place.namespace.inside(["ss", "-tnH", "state", "established", "sport", "=", ":2514"])
    rows = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return sum(int(row.split()[0]) for row in rows)
