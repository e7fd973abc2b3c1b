# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine itself says leaves beside the gateway's records: the shipped configuration of rsyslog against a real
collector, which is killed and started, as is the sender. rsyslog is that of Debian 12 and 13."""

from __future__ import annotations

import re
import signal
import socket
import subprocess

import pytest

from tests.system.export_ground import LIMIT, Daemon, Ground, MakeExport, verified
from tests.system.whole_gateway import until

AUTHPRIV, INFORMATION, DEBUG = 10 << 3, 6, 7
LINE = re.compile(r"<(\d+)>1 \S+ (\S+) (\S+) (\S+) - - *(.*)")


def say(place: Ground, text: str, severity: int = INFORMATION) -> None:
    """As syslog(3) of the C library says it."""
    until(place.socket.exists, "rsyslog listens", LIMIT)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.connect(str(place.socket))
        out.send(f"<{AUTHPRIV | severity}>Nov 26 20:00:00 sshd[71]: {text}".encode())


def texts(place: Ground) -> list[str]:
    """What sshd has said."""
    return [line[5] for line in map(LINE.fullmatch, place.said) if line and line[3] == "sshd"]


def running(make_export: MakeExport) -> tuple[Ground, Daemon, Daemon]:
    place, server, sender = make_export(machine=True)
    server.start()
    sender.start()
    return place, server, sender


def test_the_configuration_is_one(make_export: MakeExport) -> None:
    *_, sender = make_export(machine=True)
    result = subprocess.run(sender.command("-N1"), check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "error" not in result.stderr.lower(), result.stderr


def test_a_login_arrives_with_priority_program_and_process(make_export: MakeExport) -> None:
    place, *_ = running(make_export)
    say(place, "a word for programmers", DEBUG)
    say(place, "Accepted publickey for alice")
    until(lambda: bool(texts(place)), "the login", LIMIT)
    # it may come twice, since the sender begins before the collector hears it
    (line,) = {line for line in place.said if " sshd " in line}
    match = LINE.fullmatch(line)
    assert match is not None
    assert (int(match[1]), match[4], match[5]) == (AUTHPRIV | INFORMATION, "71", "Accepted publickey for alice")
    # The gateway's records stand in their own file, and nothing of the machine is in it.
    place.emit(5)
    place.wait("the records")
    assert verified(place).verdict == "sound"


@pytest.mark.parametrize("dies", [False, True], ids=["the sender lives", "the sender dies"])
def test_what_is_said_while_the_collector_is_away(make_export: MakeExport, dies: bool) -> None:
    place, server, sender = running(make_export)
    expected = [f"line {number}" for number in range(200)]
    say(place, expected[0])
    until(lambda: bool(texts(place)), "the first line", LIMIT)
    server.end(signal.SIGKILL)
    for text in expected[1:150]:
        say(place, text)
    queue = sender.folder / "spool"
    until(
        lambda: any(b"line 149" in file.read_bytes() for file in queue.glob("wolfguard-machine.0*")), "a queue", LIMIT
    )
    if dies:
        sender.end(signal.SIGKILL)
        place.socket.unlink()
        sender.start()
    for text in expected[150:]:
        say(place, text)
    server.start()
    until(lambda: expected[-1] in texts(place), "the last line", LIMIT)
    found = list(dict.fromkeys(texts(place)))
    # what was under way when the collector went is lost with a sender that dies before it is back, and nothing else
    assert found in (expected, [expected[0], *expected[2:]]) if dies else found == expected
