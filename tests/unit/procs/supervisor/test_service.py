# SPDX-License-Identifier: GPL-3.0-or-later
"""The service over toy children, in a process of its own: start, joints, restart, offences, reload, stop."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import wolfguard
from wolfguard.module_state import MODULE_FAILED
from wolfguard.procs.supervisor import PROCESS_FAILED

HERE = Path(__file__).resolve().parent
PACKAGE = Path(wolfguard.__file__).parents[1]
SECONDS = 30.0


class Gateway:
    """A gateway of toys; `until` reads its log, which is the children's too."""

    def __init__(self, folder: Path, processes: list[str], environment: dict[str, str]) -> None:
        read, write = os.pipe()
        self.folder = folder
        command = [sys.executable, "-B", str(HERE / "toy_gateway.py"), str(PACKAGE), str(folder), *processes]
        self.process = subprocess.Popen(command, stderr=write, env={**os.environ, **environment})
        os.close(write)
        self.pids: dict[str, int] = {}
        self._log = os.fdopen(read, "r")
        os.set_blocking(read, True)
        self._deadline = time.monotonic() + SECONDS
        self.lines: list[str] = []

    def until(self, *patterns: str) -> list[str]:
        """Reads on until each pattern was found once, in any order; returns the lines that matched."""
        wanted = list(patterns)
        found = []
        while wanted:
            assert time.monotonic() < self._deadline, f"waited for {wanted} after {self.lines}"
            line = self._log.readline()
            assert line, f"ended while waiting for {wanted}: {self.lines}"
            self._note(line)
            for pattern in wanted:
                if re.search(pattern, line):
                    wanted.remove(pattern)
                    found.append(line)
                    break
        return found

    def rest(self) -> str:
        """Waits for the end and returns what was still written."""
        text = self._log.read()
        for line in text.splitlines():
            self._note(line)
        self.process.wait(SECONDS)
        return text

    def behave(self, process: str, how: str) -> None:
        (self.folder / process).write_text(how, "ascii")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def _note(self, line: str) -> None:
        self.lines.append(line)
        if spawned := re.search(r"spawned child=(\S+) pid=(\d+)", line):
            self.pids[spawned[1]] = int(spawned[2])


Start = Callable[..., Gateway]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Start]:
    made: list[Gateway] = []

    def start(*processes: str, **environment: str) -> Gateway:
        made.append(Gateway(tmp_path, list(processes), environment))
        return made[-1]

    yield start
    for one in made:
        one.close()


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_start_joins_and_stop_leaves_nothing(gateway: Start) -> None:
    toys = gateway("keyd", "sessiond", "worker")
    toys.until(
        "toy keyd start generation=1 configuration 1",
        "toy sessiond start generation=1 configuration,traffic,traffic 3",
        "toy worker/0 start generation=1 configuration,listener,datagram,tun,traffic 5",
        "toy worker/1 start generation=1 configuration,listener,datagram,tun,traffic 5",
        "toy worker/0 attach keyd 0 sign 0",
        "toy worker/0 attach keyd 0 sign 1",
        "toy keyd attach worker 1 sign 1",
        "toy sessiond attach worker 0 ipc 0",
        "toy sessiond attach worker 1 ipc 0",
        "toy worker/1 attach sessiond 0 ipc 0",
        "info supervisor serving slots=2",
    )
    toys.process.send_signal(signal.SIGTERM)
    text = toys.rest()
    assert toys.process.returncode == 0
    # Those who hear the network end first, the key holder last.
    assert text.index("toy worker/1 stop") < text.index("toy sessiond stop") < text.index("toy keyd stop")
    assert not any(alive(pid) for pid in toys.pids.values())


def test_a_weakening_is_warned_of_and_told_to_every_life_of_the_recorder(gateway: Start, tmp_path: Path) -> None:
    (tmp_path / "worker").write_text("weak", "ascii")
    toys = gateway("keyd", "sessiond", "worker")
    told = ("warning supervisor weakened by=no-landlock", "toy sessiond weakened no-landlock$")
    toys.until(*told, "info supervisor serving")
    os.kill(toys.pids["sessiond"], signal.SIGKILL)
    toys.until(*told)


def test_a_module_that_fails_in_every_fresh_process_ends_the_gateway(gateway: Start) -> None:
    toys = gateway("keyd", "sessiond", "worker")
    toys.until("info supervisor serving")
    toys.behave("worker", "module")
    os.kill(toys.pids["worker/0"], signal.SIGKILL)
    toys.until(
        "ended child=worker/0 .*ended with status 5, since its cryptographic module failed",
        "error supervisor module_failure child=worker/0 stage=start recorded=True",
        "toy sessiond module_failed worker/0 start",
        "module_broken child=worker/0 starts=2",
    )
    text = toys.rest()
    assert toys.process.returncode == MODULE_FAILED
    # After its first life two, and no third.
    assert sum("spawned child=worker/0" in line for line in toys.lines) == 3
    assert text.splitlines()[-1].startswith("line: worker/0 has no cryptographic module that works")
    assert not any(alive(pid) for pid in toys.pids.values())


def test_one_failure_of_a_module_is_survived(gateway: Start) -> None:
    toys = gateway("keyd", "sessiond", "worker")
    toys.until("info supervisor serving")
    toys.behave("worker", "module")
    os.kill(toys.pids["worker/1"], signal.SIGKILL)
    toys.until("module_failure child=worker/1")
    toys.behave("worker", "")
    toys.until("ready child=worker/1")
    toys.process.send_signal(signal.SIGTERM)
    toys.rest()
    assert toys.process.returncode == 0


def test_stages_start_one_after_the_other(gateway: Start) -> None:
    toys = gateway("worker", "sessiond", "keyd")
    toys.until("info supervisor serving")
    order = [re.sub(r"/\d", "", line.split()[1]) for line in toys.lines if re.match(r"toy \S+ start", line)]
    assert order == ["keyd", "sessiond", "worker", "worker"]


def test_a_killed_child_comes_back_with_new_joints(gateway: Start) -> None:
    toys = gateway("keyd", "sessiond", "worker")
    toys.until("info supervisor serving")
    first = toys.pids["worker/0"]
    os.kill(first, signal.SIGKILL)
    toys.until(
        r"ended child=worker/0 .*SIGKILL",
        "toy sessiond detach worker 0 dead",
        "toy keyd detach worker 0 dead",
        "restart child=worker/0 wait=0.1",
        "toy worker/0 start generation=1 configuration,listener,datagram,tun,traffic 5",
        "toy sessiond attach worker 0 ipc 0",
        "toy worker/0 attach sessiond 0 ipc 0",
        "toy worker/0 attach keyd 0 sign 1",
    )
    assert toys.pids["worker/0"] != first
    assert alive(toys.pids["worker/1"])


def test_each_short_life_doubles_the_wait(gateway: Start) -> None:
    toys = gateway("keyd")
    toys.until("info supervisor serving")
    toys.behave("keyd", "fail")
    os.kill(toys.pids["keyd"], signal.SIGKILL)
    toys.until("wait=0.1", "wait=0.2", "wait=0.4", "wait=0.8")
    toys.behave("keyd", "")
    toys.until("ready child=keyd")
    toys.process.send_signal(signal.SIGINT)
    toys.rest()
    assert toys.process.returncode == 0


@pytest.mark.parametrize(
    ("how", "reason", "status"),
    [
        ("fail", "the toy is broken", PROCESS_FAILED),
        ("die", "it ended with status 9", PROCESS_FAILED),
        ("offend", "ipc_malformed", PROCESS_FAILED),
        ("module", "its cryptographic module failed", MODULE_FAILED),
    ],
)
def test_failure_at_start_ends_everything_with_one_line(
    gateway: Start, tmp_path: Path, how: str, reason: str, status: int
) -> None:
    (tmp_path / "sessiond").write_text(how, "ascii")
    toys = gateway("keyd", "sessiond", "worker")
    text = toys.rest()
    assert toys.process.returncode == status
    (line,) = [line for line in text.splitlines() if line.startswith("line: ")]
    assert "sessiond cannot start" in line
    assert reason in line
    assert "toy worker/0 start" not in text
    assert len(toys.pids) == 4
    assert not any(alive(pid) for pid in toys.pids.values())


def test_a_signal_during_the_start_stops_it(gateway: Start, tmp_path: Path) -> None:
    (tmp_path / "keyd").write_text("mute", "ascii")
    toys = gateway("keyd", "worker")
    toys.until("toy keyd start")
    toys.process.send_signal(signal.SIGTERM)
    toys.rest()
    assert toys.process.returncode == 0
    assert not any(alive(pid) for pid in toys.pids.values())


def test_a_child_that_breaks_the_rules_is_killed_and_restarted(gateway: Start) -> None:
    toys = gateway("keyd", "sessiond")
    toys.until("info supervisor serving")
    toys.behave("sessiond", "offend")
    os.kill(toys.pids["sessiond"], signal.SIGKILL)
    toys.until("offence child=sessiond label=ipc_malformed", "restart child=sessiond wait=0.2")
    toys.behave("sessiond", "")
    toys.until("ready child=sessiond")


def test_who_complains_about_a_more_trusted_process_is_ended_itself(gateway: Start) -> None:
    toys = gateway("keyd", "sessiond", "worker")
    toys.until("info supervisor serving")
    trusted = toys.pids["sessiond"]
    toys.behave("worker", "accuse")
    os.kill(toys.pids["worker/1"], signal.SIGKILL)
    toys.until("offence_reported by=worker about=", r"killed child=worker/1")
    assert alive(trusted)


def test_reload_hands_on_what_can_change(gateway: Start) -> None:
    toys = gateway("keyd", "sessiond")
    toys.until("info supervisor serving")
    toys.process.send_signal(signal.SIGHUP)
    toys.until(
        "toy keyd reconfigure generation=2 configuration",
        "toy sessiond reconfigure generation=2 configuration",
        "reload generation=2 .*needs_restart=keyd.key,sessiond.key,workers",
    )
    os.kill(toys.pids["keyd"], signal.SIGKILL)
    toys.until("toy keyd start generation=2")


def test_a_wrong_configuration_changes_nothing(gateway: Start) -> None:
    toys = gateway("keyd")
    toys.until("info supervisor serving")
    toys.behave("configuration", "site.yml:3: nonsense")
    toys.process.send_signal(signal.SIGHUP)
    toys.until('reload generation=1 error="site.yml:3: nonsense"')
    toys.process.send_signal(signal.SIGTERM)
    assert "reconfigure" not in toys.rest()


def test_what_one_refuses_nobody_keeps(gateway: Start) -> None:
    toys = gateway("keyd", "sessiond", "worker")
    toys.until("info supervisor serving")
    toys.behave("worker", "refuse")
    toys.process.send_signal(signal.SIGHUP)
    toys.until(
        "toy keyd reconfigure generation=2",
        "toy sessiond reconfigure generation=2",
        "toy worker/0 reconfigure generation=2",
        "toy keyd reconfigure generation=1",
        "toy sessiond reconfigure generation=1",
        "toy worker/0 reconfigure generation=1",
        'reload generation=1 error="worker/0 refuses the new configuration: the toy wants none of it"',
    )
    assert not [line for line in toys.lines if "toy worker/1 reconfigure" in line]
    toys.behave("worker", "")
    toys.process.send_signal(signal.SIGHUP)
    toys.until("toy worker/1 reconfigure generation=2", 'reload generation=2 error=""')


def test_who_does_not_go_back_starts_afresh(gateway: Start) -> None:
    toys = gateway("keyd", "worker")
    toys.until("info supervisor serving")
    first = toys.pids["worker/0"]
    toys.behave("worker", "stubborn")
    toys.process.send_signal(signal.SIGHUP)
    toys.until("reload generation=1", "killed child=worker/0", "toy worker/0 start generation=1")
    assert toys.pids["worker/0"] != first


def test_children_end_with_a_killed_supervisor(gateway: Start) -> None:
    toys = gateway("keyd", "sessiond")
    toys.until("info supervisor serving")
    toys.process.kill()
    toys.rest()
    # The log's last writer has gone: the pipe is at its end.
    assert toys.process.returncode == -signal.SIGKILL


def test_systemd_hears_about_it(gateway: Start, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(SECONDS)
        manager.bind(str(tmp_path / "notify"))
        toys = gateway("keyd", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="20000")
        assert manager.recv(500) == b"READY=1\nSTATUS=2 workers; listening on 127.0.0.1:1/tcp"
        assert manager.recv(500) == b"WATCHDOG=1"
        assert manager.recv(500) == b"WATCHDOG=1"
        toys.process.send_signal(signal.SIGTERM)
        while (heard := manager.recv(500)) == b"WATCHDOG=1":
            pass
        assert heard.startswith(b"STOPPING=1\n")


def manager(stack: ExitStack, folder: Path) -> socket.socket:
    """systemd's end of sd_notify."""
    made = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    made.settimeout(SECONDS)
    made.bind(str(folder / "notify"))
    return made


def heard(manager: socket.socket) -> bytes:
    """The next that is no sign of life."""
    while (text := manager.recv(500)) == b"WATCHDOG=1":
        pass
    return text


def test_systemd_hears_about_a_reload(gateway: Start, tmp_path: Path) -> None:
    with ExitStack() as stack:
        systemd = manager(stack, tmp_path)
        toys = gateway("keyd", NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert heard(systemd).startswith(b"READY=1\n")
        before = time.monotonic_ns() // 1000
        toys.process.send_signal(signal.SIGHUP)
        begun = re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=(\d+)", heard(systemd))
        assert begun is not None
        assert before <= int(begun[1]) <= time.monotonic_ns() // 1000
        assert heard(systemd) == b"READY=1\nSTATUS=2 workers; listening on 127.0.0.1:1/tcp"


def test_signs_of_life_go_on_while_the_site_file_is_read(gateway: Start, tmp_path: Path) -> None:
    with ExitStack() as stack:
        systemd = manager(stack, tmp_path)
        toys = gateway("keyd", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="20000")
        assert heard(systemd).startswith(b"READY=1\n")
        slow = toys.folder / "configuration"
        os.mkfifo(slow)
        toys.process.send_signal(signal.SIGHUP)
        assert heard(systemd).startswith(b"RELOADING=1\n")
        # now its reader waits for the test
        assert [systemd.recv(500) for _ in range(5)] == [b"WATCHDOG=1"] * 5
        slow.write_text("too slow", "ascii")
        assert heard(systemd).startswith(b"READY=1\n")


def test_a_loop_that_hangs_gives_no_sign_of_life(gateway: Start, tmp_path: Path) -> None:
    with ExitStack() as stack:
        systemd = manager(stack, tmp_path)
        toys = gateway("keyd", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="20000")
        assert heard(systemd).startswith(b"READY=1\n")
        assert systemd.recv(500) == b"WATCHDOG=1"
        toys.process.send_signal(signal.SIGUSR1)
        toys.until("the loop hangs")
        while select.select([systemd], [], [], 0)[0]:
            assert systemd.recv(500) == b"WATCHDOG=1"
        # many times the period
        systemd.settimeout(0.5)
        with pytest.raises(TimeoutError):
            systemd.recv(500)
