# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped configuration of rsyslog against a real collector: records of a real trail leave over TLS, the collector
is stopped, killed and started, the sender is killed, the file is rotated; what the collector has then is the trail, in
order. rsyslog is that of Debian 12 and 13. Deaths at one exact moment are test_export_deaths.py's."""

from __future__ import annotations

import shutil
import signal
import subprocess

from tests.system.export_ground import GATEWAY, LIMIT, STRANGER, MakeExport, keys, verified
from tests.system.whole_gateway import until


def test_both_configurations_are_ones(make_export: MakeExport) -> None:
    for daemon in make_export()[1:]:
        result = subprocess.run(daemon.command("-N1"), check=False, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        assert "error" not in result.stderr.lower(), result.stderr


def test_nothing_is_lost_and_the_order_stays(make_export: MakeExport) -> None:
    place, server, sender = make_export()
    server.start()
    sender.start()
    place.emit(50)
    place.wait("the first records")
    # The gateway goes on while the collector is away: stopped in good order, then killed.
    for number in (signal.SIGTERM, signal.SIGKILL):
        server.end(number)
        place.emit(300)
        server.start()
        place.emit(20)
        place.wait(f"what was recorded after {number.name}")
    # rsyslog on the gateway dies, and goes on where it was.
    sender.end(signal.SIGKILL)
    place.emit(30)
    sender.start()
    place.wait("what was recorded while the sender was dead")
    # A rotation: rename, and the gateway begins the new file at its reload. The longest records are long.
    place.source.rename(place.source.with_suffix(".1"))
    place.maker.event(3, who="\u0001" * 1024, where="\u0001" * 1024, reason="\u0001" * 1024)
    place.emit(40)
    place.wait("what came after the rotation")

    report = verified(place)
    assert report.findings == []
    assert (report.verdict, report.first, report.last, report.behind) == ("sound", 1, place.written, 0)
    fresh = list(dict.fromkeys(place.collected))
    assert fresh == place.maker.texts


def test_number_and_hash_stand_in_the_structured_data(make_export: MakeExport) -> None:
    place, server, sender = make_export()
    server.words['string="%msg%'] = 'string="%structured-data% %msg%'
    server.write()
    server.start()
    sender.start()
    place.emit(3)
    until(lambda: len(place.collected) == 4, "the records", LIMIT)
    assert place.collected == [
        f'[record@32473 sequence="{number}" hash="{place.maker.hashes[number]}"] {text}'
        for number, text in enumerate(place.maker.texts, 1)
    ]


def test_a_stranger_hands_in_nothing(make_export: MakeExport) -> None:
    """A certificate by the same authority, but for another name; with the right name the very same records arrive."""
    place, server, sender = make_export(STRANGER)
    server.start()
    sender.start()
    place.emit(5)
    until(lambda: f"DNSname: {STRANGER}" in place.log(), "a refusal", LIMIT)
    assert place.collected == []
    sender.end()
    server.end()
    shutil.rmtree(place.folder / "pki")
    keys(place.folder, GATEWAY)
    server.start()
    sender.start()
    place.wait("the records of who has the right name")
    assert verified(place).verdict == "sound"
