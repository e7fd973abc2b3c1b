# SPDX-License-Identifier: GPL-3.0-or-later
"""Log mode notices what was learned, once, and leaves out only tests that exist; its selection exists too."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import run
from tests.log_mode import LEFT_OUT, LogMode
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.linux.namespace import Namespace

TREE = Path(__file__).resolve().parents[2]
LINE = "warning worker learned pid=7 call=kill number=62 arguments=0x1,0x0,0x0,0x0,0x0,0x0\n"


def teardown(mode: LogMode) -> None:
    """What pytest does after a test."""
    step = mode.pytest_runtest_teardown(SimpleNamespace())  # type: ignore[arg-type]
    next(step)
    next(step, None)


def test_what_was_learned_fails_the_test_that_ran_and_no_other(tmp_path: Path) -> None:
    gateway = Gateway(Site(tmp_path), Namespace("none"))
    gateway.log.write_text("info supervisor serving\n")
    mode = LogMode()
    mode.running.append(gateway)
    teardown(mode)
    with gateway.log.open("a") as log:
        log.write(LINE + "warning worker learned pid=7 call=half")
    with pytest.raises(pytest.fail.Exception, match="call=kill number=62"):
        teardown(mode)
    teardown(mode)
    with gateway.log.open("a") as log:
        log.write("way\nwarning worker learned_total pid=7 call=kill times=1\n")
    with pytest.raises(pytest.fail.Exception, match="call=halfway"):
        teardown(mode)


def test_a_log_that_is_gone_was_looked_at_before(tmp_path: Path) -> None:
    mode = LogMode()
    mode.running.append(Gateway(Site(tmp_path), Namespace("none")))
    teardown(mode)


@pytest.mark.parametrize("name", [*run.LOG_MODE_SELECTION, *(f"tests/system/{name}" for name in LEFT_OUT)])
def test_what_is_named_exists(name: str) -> None:
    file, _, test = name.partition("[")[0].partition("::")
    assert f"def {test}(" in (TREE / file).read_text("utf-8") if test else (TREE / file).is_file()
