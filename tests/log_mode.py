# SPDX-License-Identifier: GPL-3.0-or-later
"""pytest --log-mode: every gateway learns, and a call that a filter would have killed for fails the test that ran then.

Owns what changes in that mode. Tests whose subject is the enforcing filter itself are left out by name, each with its
reason. A gateway that several tests share is looked at after each of them and at its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from wolfguard.cli.demo.site import Gateway

LEFT_OUT: Final = {
    "test_learning.py": "chooses itself who learns",
    "test_confinement.py": "a learning process has a variable more and another filter, and starts before its watcher",
    "test_payload.py": "does on purpose what filters kill for",
    "test_prying.py": "does on purpose what filters kill for",
    "test_weakenings.py::test_what_is_allowed_is_done_without_and_said_everywhere": "counts all weakenings in force",
    "test_weakenings.py::test_what_is_allowed_but_granted_is_applied": "counts all weakenings in force",
    "test_audit.py::test_a_good_gateway_passes_every_live_rule": "one that learns is not a good one",
    "test_audit.py::test_another_crypto_profile_fails_exactly_its_rules": "counts all failures",
    "test_audit.py::test_a_packet_filter_that_somebody_flushed": "counts all failures",
}
LEARNED: Final = re.compile(r"^.*\blearned pid=.*$", re.MULTILINE)


class LogMode:
    """The plugin. `read` is how far each log has been looked at."""

    def __init__(self) -> None:
        self.read: dict[Path, int] = {}
        self.running: list[Gateway] = []
        self.found: list[str] = []
        self.started = 0

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        start, stop = Gateway.start, Gateway.stop

        def start_learning(gateway: Gateway) -> float:
            gateway.options = ("--learn", "all")
            self.read.setdefault(gateway.log, 0)
            self.running.append(gateway)
            self.started += 1
            return start(gateway)

        def stop_and_look(gateway: Gateway, *arguments: Any) -> int:
            try:
                return stop(gateway, *arguments)
            finally:
                self.look(gateway.log)
                self.running = [each for each in self.running if each is not gateway]

        # For as long as this pytest lives.
        patch = pytest.MonkeyPatch()
        patch.setattr(Gateway, "start", start_learning)
        patch.setattr(Gateway, "stop", stop_and_look)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        left = [item for item in items if any(each in item.nodeid.partition("[")[0] for each in LEFT_OUT)]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """After the test's own end, so that gateways of its own have stopped."""
        yield
        for gateway in self.running:
            self.look(gateway.log)
        found, self.found = self.found, []
        if found:
            pytest.fail("a filter would have killed for:\n" + "\n".join(found), pytrace=False)

    def look(self, log: Path) -> None:
        """Takes what was learned since the last look; a log that is gone was looked at when its gateway stopped."""
        if not log.exists():
            return
        text = log.read_text("utf-8", "replace")
        whole = text.rfind("\n") + 1
        self.found += LEARNED.findall(text[self.read.get(log, 0) : whole])
        self.read[log] = whole

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """One of several processes that share the tests tells the first how many there were."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["learned"] = self.started

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        # One that died has no output; its tests have failed.
        self.started += int(getattr(node, "workeroutput", {}).get("learned", 0))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(f"log mode: {self.started} gateways learned")
