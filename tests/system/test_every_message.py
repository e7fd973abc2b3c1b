# SPDX-License-Identifier: GPL-3.0-or-later
"""The tour makes every process send every message that the manifest lets it send, but for those named with a reason.

strace is the witness. Where gateways learn (pytest --log-mode), this is what makes a short run meaningful.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.conftest import Field
from tests.system import tour
from wolfguard.ipc.dispatch_table import ROWS
from wolfguard.sandbox.processes import PROCESSES

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

SUPERVISOR = "supervisor"
SENT = re.compile(r'^(\d+) .*?sendmsg\(.*?iov_base="\[\\"[qn]\\",\d+,\\"(\w+)\\"', re.MULTILINE)
# The launchers' programs, in every life; a "/" parts a worker's slot.
SPAWNED = re.compile(r"info supervisor spawned child=(\w+)\S* pid=(\d+)")

EXPECTED = {
    (sender, message)
    for sender, receiver, message, *_ in ROWS
    if message not in tour.NOT_CAUSED and not (receiver in tour.NOT_ASKED and sender != SUPERVISOR)
}


def edit(document: dict[str, Any]) -> None:
    """With a backend for each process that needs one to be started."""
    tour.edit_for(workers=1)(document)
    document["backends"] = [{"name": "machine", "type": "pam", "pam": {"service": "login"}}]


def test_the_tour_causes_every_message(make_gateway: Callable[..., Field]) -> None:
    field = make_gateway(
        edit,
        runner=lambda folder: (
            "strace", "--follow-forks", "--quiet=all", "--signal=none", "--trace=sendmsg", "--string-limit=96",
            f"--output={folder}/strace",
        ),
    )  # fmt: skip
    field.add_user("alice")
    tour.whole(field)
    log = field.gateway.log.read_text("utf-8")
    names = {int(pid): process for process, pid in SPAWNED.findall(log)}
    seen = {
        (names.get(int(pid), SUPERVISOR), message)
        for pid, message in SENT.findall((field.site.folder / "strace").read_text("utf-8", "replace"))
    }
    assert EXPECTED - seen == set()
    assert {process for process, _ in seen} == {SUPERVISOR, *PROCESSES}
