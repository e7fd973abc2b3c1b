# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine itself says leaves beside the gateway's records: the shipped configuration of rsyslog against a real
collector, which is killed and started, as is the sender. rsyslog is that of Debian 12 and 13."""

from __future__ import annotations

import re
import signal
import socket

from tests.system.export_ground import LIMIT, Ground, MakeExport, verified
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


def test_a_login_arrives_with_priority_program_and_process(make_export: MakeExport) -> None:
    place, server, sender = make_export()
    server.start()
    sender.start()
    say(place, "a word for programmers", DEBUG)
    say(place, "Accepted publickey for alice")
    until(lambda: texts(place) == ["Accepted publickey for alice"], "the login", LIMIT)
    (line,) = (line for line in map(LINE.fullmatch, place.said) if line and line[3] == "sshd")
    assert (int(line[1]), line[4]) == (AUTHPRIV | INFORMATION, "71")
    # The gateway's records stand in their own file, and nothing of the machine is in it.
    place.emit(5)
    place.wait("the records")
    assert verified(place).verdict == "sound"


def test_nothing_is_lost_while_the_collector_is_away_and_the_sender_dies(make_export: MakeExport) -> None:
    place, server, sender = make_export()
    server.start()
    sender.start()
    expected = [f"line {number}" for number in range(200)]
    say(place, expected[0])
    until(lambda: texts(place) == expected[:1], "the first line", LIMIT)
    server.end(signal.SIGKILL)
    for text in expected[1:150]:
        say(place, text)
    queue = sender.folder / "spool"
    until(
        lambda: any(b"line 149" in file.read_bytes() for file in queue.glob("wolfguard-machine.0*")), "a queue", LIMIT
    )
    sender.end(signal.SIGKILL)
    place.socket.unlink()
    sender.start()
    for text in expected[150:]:
        say(place, text)
    server.start()
    until(lambda: expected[-1] in texts(place), "the last line", LIMIT)
    assert list(dict.fromkeys(texts(place))) == expected
