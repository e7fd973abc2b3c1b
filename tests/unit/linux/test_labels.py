# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels of sockets: what is asked of the kernel, and when nothing is. A folder plays the kernel's own files."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from wolfguard.errors import StartError
from wolfguard.linux import labels

OWN = "system_u:system_r:wolfguard_gateway_supervisor_t:s0"


@pytest.fixture
def attributes(tmp_path: Path) -> Path:
    (tmp_path / "current").write_bytes(OWN.encode() + b"\0")
    (tmp_path / "sockcreate").touch()
    return tmp_path


def asked(attributes: Path) -> str:
    return (attributes / "sockcreate").read_text("ascii")


@pytest.mark.parametrize(
    ("label", "context"),
    [
        (labels.outside(3), "system_u:object_r:wolfguard_gateway_outside_t:s0:c3"),
        (labels.outside(None), "system_u:object_r:wolfguard_gateway_outside_t:s0"),
        (labels.management(), "system_u:object_r:wolfguard_gateway_management_t:s0"),
        (labels.channel("worker", "keyd", 0), "system_u:object_r:wolfguard_gateway_worker_keyd_channel_t:s0:c0"),
        (
            labels.channel("keyd", "supervisor", None),
            "system_u:object_r:wolfguard_gateway_keyd_supervisor_channel_t:s0",
        ),
    ],
)
def test_a_label_is_asked_for_whole(attributes: Path, label: labels.Label, context: str) -> None:
    with labels.sockets(label, attributes):
        assert asked(attributes) == context


def test_a_range_gives_its_lowest_level(attributes: Path) -> None:
    (attributes / "current").write_bytes(f"{OWN}-s0:c0.c1023\n".encode())
    with labels.sockets(labels.outside(1), attributes):
        assert asked(attributes).endswith(":s0:c1")


def test_the_label_is_taken_back_even_after_a_failure(attributes: Path) -> None:
    with pytest.raises(ZeroDivisionError), labels.sockets(labels.outside(1), attributes):
        raise ZeroDivisionError
    # a line break is the kernel's word for none; the folder's file keeps what is longer
    assert asked(attributes).startswith("\n")


@pytest.mark.parametrize(
    "current", ["unconfined\n", "unconfined_u:unconfined_r:unconfined_t:s0\0", "wolfguard (enforce)\n", ""]
)
def test_nothing_is_asked_in_another_domain(attributes: Path, current: str) -> None:
    (attributes / "current").write_bytes(current.encode())
    with labels.sockets(labels.outside(1), attributes):
        assert asked(attributes) == ""


def test_nothing_is_asked_where_no_module_answers(tmp_path: Path) -> None:
    with labels.sockets(labels.outside(1), tmp_path):
        pass


def test_a_refusal_says_what_to_do(attributes: Path) -> None:
    (attributes / "sockcreate").unlink()
    with (
        pytest.raises(StartError, match=r"SELinux refuses sockets of .*outside_t:s0:c1: .*; load the policy module"),
        labels.sockets(labels.outside(1), attributes),
    ):
        pass


def test_this_machine_takes_it() -> None:
    with labels.sockets(labels.outside(0)), socket.socket():
        pass
