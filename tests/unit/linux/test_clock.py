# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's word about its clock, against the same question asked in C."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from wolfguard.linux.clock import STA_UNSYNC, TIME_ERROR, Synchronization, synchronization

SOURCE = """#include <stdio.h>
#include <sys/timex.h>
int main(void)
{
    struct timex t = {0};
    const int state = adjtimex(&t);
    printf("%d %d %d %d %d %d", state, t.status, STA_UNSYNC, TIME_ERROR, (int)sizeof t <= 512,
           (int)__builtin_offsetof(struct timex, status));
}
"""


def test_it_is_what_c_says(tmp_path: Path) -> None:
    (tmp_path / "clock.c").write_text(SOURCE)
    subprocess.run(["cc", "-o", str(tmp_path / "clock"), str(tmp_path / "clock.c")], check=True)
    answer = subprocess.run([str(tmp_path / "clock")], check=True, capture_output=True, text=True).stdout
    state, status, *constants = map(int, answer.split())
    assert constants == [STA_UNSYNC, TIME_ERROR, 1, 40]
    found = synchronization()
    assert (found.state, found.status) == (state, status)


@pytest.mark.parametrize(
    ("state", "status", "good"),
    [(0, 0x2001, True), (0, 0, True), (5, 0, False), (0, STA_UNSYNC, False), (5, STA_UNSYNC, False)],
)
def test_what_counts_as_kept(state: int, status: int, good: bool) -> None:
    assert Synchronization(state, status).synchronized is good
