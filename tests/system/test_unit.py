# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway as systemd runs it: started by its unit on a machine of its own, bounded, reloaded, watched, stopped."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.interop.conftest import PASSWORD
from tests.interop.raw import frame
from tests.system.unit_ground import SETTINGS, UNIT, UNITS, WORKERS, Ground, ground
from tests.system.whole_gateway import until
from wolfguard.sandbox.outer_bound import CAPABILITIES
from wolfguard.sandbox.processes import PROCESSES

DPD_REQUEST, DPD_RESPONSE = 3, 4
KIND = 6
"""Where a frame says what it is."""
PSEUDO = ("full", "null", "pts/ptmx", "random", "tty", "urandom", "zero")
DEVICES = 'for each; do if [ -c "$each" ] || [ -b "$each" ]; then echo "$each"; fi; done'


@pytest.fixture(scope="module")
def installed() -> Iterator[Ground]:
    with ground(f"wgunit{os.getpid()}") as made:
        yield made


@pytest.fixture
def running(installed: Ground) -> Ground:
    """The unit as it is installed, started, whatever a test before did with it."""
    installed.machine.run("systemctl", "reset-failed", UNIT)
    installed.start()
    return installed


@pytest.fixture
def alice(running: Ground) -> str:
    if not any(user["name"] == "alice" for user in running.asked("user", "list")["users"]):
        added = running.machine.run("wolfguard", "user", "add", "alice", "--password-stdin", stdin=f"{PASSWORD}\n")
        assert added.returncode == 0, added.stderr
    return "alice"


# --- the bounds -----------------------------------------------------------------------------------------------------


def test_systemd_finds_nothing_to_say_about_the_unit(installed: Ground) -> None:
    result = installed.machine.run("systemd-analyze", "verify", "--man=no", f"/{UNITS}/{UNIT}")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_it_is_ready_when_all_processes_serve(running: Ground) -> None:
    assert running.show("ActiveState") == "active"
    assert {each["state"] for each in running.processes()} == {"serving"}
    assert f"{WORKERS} workers; listening on [::]:443/tcp" in running.systemctl("status", UNIT)


def test_the_supervisor_is_what_the_manifest_says(running: Ground) -> None:
    seen = running.status(running.supervisor)
    kept = f"{sum(1 << number for number in CAPABILITIES.values()):016x}"
    assert {seen[name] for name in ("CapPrm", "CapEff", "CapBnd")} == {kept}
    assert {seen[name] for name in ("CapInh", "CapAmb")} == {"0" * 16}
    assert (seen["NoNewPrivs"], seen["Seccomp"]) == ("1", "2")


def test_children_are_what_they_are_without_the_unit(running: Ground) -> None:
    found = running.processes()
    # One that needs a backend is not started without it.
    assert {each["process"] for each in found} == {name for name, each in PROCESSES.items() if not each.when}
    outside = int(running.status(running.supervisor)["Seccomp_filters"])
    for each in found:
        seen = running.status(each["pid"])
        rules = PROCESSES[each["process"]]
        kept = f"{sum(1 << capability for capability in rules.capabilities):016x}"
        assert (seen["CapPrm"], seen["CapEff"]) == (kept, kept)
        assert {seen[name] for name in ("CapInh", "CapAmb", "CapBnd")} == {"0" * 16}
        assert (seen["NoNewPrivs"], seen["Seccomp"]) == ("1", "2")
        assert int(seen["Seccomp_filters"]) == outside + 1
        uid = running.machine.read("id", "-u", rules.user)
        assert seen["Uid"].split() == [uid] * 4
        assert each["confinement"]["landlock"].startswith("abi ")


def test_nothing_but_the_gateway_runs_in_the_unit(running: Ground) -> None:
    assert running.pids() == {running.supervisor, *(each["pid"] for each in running.processes())}


@pytest.mark.parametrize(
    "path", ["/etc/x", "/usr/x", f"/{SETTINGS}/x", "/var/lib/x", "/proc/sys/kernel/hostname", "/sys/fs/cgroup/x"]
)
def test_the_unit_sees_a_machine_that_it_cannot_write(running: Ground, path: str) -> None:
    result = running.machine.run("sh", "-c", f"echo x >{path}", pid=running.host_supervisor())
    assert "Read-only file system" in result.stderr


def test_the_unit_sees_no_device_but_one(running: Ground) -> None:
    command = ("find", "/dev", "!", "-type", "l", "-exec", "sh", "-c", DEVICES, "devices", "{}", "+")
    devices = running.machine.run(*command, pid=running.host_supervisor()).stdout.split()
    assert set(devices) - {f"/dev/{name}" for name in PSEUDO} == {"/dev/net/tun"}


def kept(answer: Any) -> list[tuple[Any, ...]]:
    """What a session must not lose."""
    return [tuple(each[name] for name in ("session", "user", "created", "ipv4", "ipv6")) for each in answer["sessions"]]


# --- reload ---------------------------------------------------------------------------------------------------------


def test_a_reload_keeps_a_session(running: Ground, alice: str) -> None:
    generation = running.asked("status")["generation"]
    with closing(running.connect(alice)) as client:
        before = kept(running.asked("sessions"))
        running.configure(lockout={"failures": 9})
        running.systemctl("reload", UNIT)
        assert running.asked("status")["generation"] == generation + 1
        assert running.show("ActiveState") == "active"
        client.send(frame(DPD_REQUEST))
        assert client.more()[KIND] == DPD_RESPONSE
        assert kept(running.asked("sessions")) == before


def test_a_reload_of_a_wrong_file_fails_and_changes_nothing(running: Ground) -> None:
    status = running.asked("status")
    running.configure(workers="many")
    result = running.machine.run("systemctl", "reload", UNIT)
    assert result.returncode != 0
    assert running.show("ActiveState") == "active"
    assert running.asked("status")["generation"] == status["generation"]
    running.configure()
    running.systemctl("reload", UNIT)


def test_systemd_sees_a_reload_by_signal(running: Ground) -> None:
    generation = running.asked("status")["generation"]
    since = running.machine.read("date", "+%s")
    running.systemctl("kill", "--kill-whom=main", "--signal=HUP", UNIT)
    until(lambda: running.asked("status")["generation"] == generation + 1, "the reload")
    until(lambda: running.show("ActiveState") == "active", "the end of the reload")
    said = running.machine.read("journalctl", "-o", "cat", "--since", f"@{since}", "-u", UNIT)
    assert f"info supervisor reload generation={generation + 1}" in said


# --- ends -----------------------------------------------------------------------------------------------------------


def test_a_supervisor_that_hangs_is_replaced(running: Ground) -> None:
    running.drop_in("WatchdogSec=2s", "TimeoutAbortSec=1s")
    # the new time holds from the next start
    running.systemctl("restart", UNIT)
    before, pids = running.supervisor, running.pids()
    restarts = int(running.show("NRestarts"))
    running.systemctl("kill", "--kill-whom=main", "--signal=STOP", UNIT)
    running.until_served_by_another(before)
    assert int(running.show("NRestarts")) == restarts + 1
    assert "Watchdog timeout" in running.log()
    assert not pids & running.pids()
    assert {each["state"] for each in running.processes()} == {"serving"}
    running.drop_in()


def test_a_supervisor_that_dies_is_replaced_and_keeps_users(running: Ground, alice: str) -> None:
    before, pids = running.supervisor, running.pids()
    running.systemctl("kill", "--kill-whom=main", "--signal=KILL", UNIT)
    running.until_served_by_another(before)
    assert not pids & running.pids()
    with closing(running.connect(alice)):
        assert [each["user"] for each in running.asked("sessions")["sessions"]] == [alice]


def test_pools_stay_unreachable_when_the_supervisor_has_died(running: Ground) -> None:
    running.drop_in("Restart=no")
    running.systemctl("kill", "--kill-whom=main", "--signal=KILL", UNIT)
    until(lambda: running.show("ActiveState") == "failed", "the end")
    assert "vpn0" not in running.machine.read("ip", "-o", "link", "show")
    assert "unreachable 10.99.0.0/16" in running.machine.read("ip", "route", "show", "table", "all")
    assert running.pids() == set()
    running.drop_in()


def test_a_wrong_site_file_is_not_tried_again(running: Ground) -> None:
    running.systemctl("stop", UNIT)
    running.configure(workers="many")
    result = running.machine.run("systemctl", "start", UNIT)
    assert result.returncode != 0
    assert (running.show("ActiveState"), running.show("ExecMainStatus")) == ("failed", "2")
    assert "workers: " in running.log()
    running.configure()


def test_a_stop_leaves_nothing(running: Ground) -> None:
    # from the start on, since what a crash leaves is taken away by the next gateway
    running.systemctl("stop", UNIT)
    before = running.left()
    running.start()
    assert running.left() != before
    running.systemctl("stop", UNIT)
    assert (running.show("ActiveState"), running.show("Result")) == ("inactive", "success")
    assert running.pids() == set()
    assert running.left() == before


def test_log_and_records_are_in_the_journal(running: Ground) -> None:
    assert "info supervisor serving" in running.log()
    words = ("journalctl", "-q", "-o", "cat", "-u", UNIT)
    assert running.machine.read(*words, "WOLFGUARD_EVENT=gateway.started")
    assert "SECCOMP" not in running.machine.read("journalctl", "-q", "-k", "-o", "cat")


def test_the_records_in_the_journal_are_a_sound_trail(running: Ground) -> None:
    assert running.show("LogRateLimitIntervalUSec") == "0", "or journald would drop records under load"
    key = "/etc/wolfguard-gateway/keys/checkpoint.pub"
    words = ("journalctl", "-q", "-o", "cat", "WOLFGUARD_EVENT=records.checkpoint")
    until(lambda: running.machine.run(*words).stdout != "", "a checkpoint")
    result = running.machine.run("wolfguard", "records", "verify", "--journal", "--key", key, "--json")
    assert result.returncode == 0, result.stdout
    found = json.loads(result.stdout)
    assert (found["verdict"], found["first"], found["findings"]) == ("sound", 1, [])


def test_the_machine_is_in_order(running: Ground) -> None:
    assert running.machine.read("systemctl", "is-system-running") == "running"
    assert signal.SIGSYS.name not in running.log()
