# SPDX-License-Identifier: GPL-3.0-or-later
"""Records in a real journal: systemd-journald in a /run of its own, written to by the sink, read back by journalctl."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

JOURNALD = "/usr/lib/systemd/systemd-journald"
WRITE = """
from wolfguard.crypto.digest import sha256
from wolfguard.records import record, sinks

sink = sinks.open_sink("journald", "")
one = record.make(sha256, 1, record.GENESIS, 0.0, "gateway.stopped", "success", where="sessiond", fields={})
assert sink.write([one]) == 1
print(one.text, flush=True)
"""
STAGE = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal
[ -s /etc/machine-id ] || { tr -d - </proc/sys/kernel/random/uuid >/run/machine-id; touch /etc/machine-id; \
  mount --bind /run/machine-id /etc/machine-id; }
"$1" >/dev/null 2>&1 &
journald=$!
trap 'kill $journald' EXIT
for _ in $(seq 100); do [ -S /run/systemd/journal/socket ] && break; sleep 0.1; done
"$2" -I -c "$3"
for _ in $(seq 50); do
  found=$(journalctl -q --no-pager -o json WOLFGUARD_EVENT=gateway.stopped)
  [ -n "$found" ] && break
  sleep 0.1
done
printf '%s\n' "$found"
"""


def test_records_in_a_real_journal() -> None:
    assert Path(JOURNALD).exists(), "install systemd: the tests start its journald"
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", STAGE, "stage"]
    command += [JOURNALD, sys.executable, WRITE]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    text, entry = result.stdout.splitlines()
    found = json.loads(entry)
    assert found["WOLFGUARD_RECORD"] == text
    assert found["MESSAGE"] == "gateway.stopped success"
    assert found["SYSLOG_IDENTIFIER"] == "wolfguard-records"
