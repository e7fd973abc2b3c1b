# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles are refused with a clear word when a line is not as it must be; lines replace those that are included."""

from __future__ import annotations

from pathlib import Path

import pytest
from generator.bpf import EQUAL, Assembler
from generator.manifest import read_manifest
from generator.profile import Condition, Rule, read_profile
from generator.program import ARCHITECTURES, compile_profile

TREE = Path(__file__).resolve().parents[3]
CONSTANTS = {"ONE": 1, "TWO": 2, "FOUR": 4}


def profile(folder: Path, text: str, base: str = "allow: {read: base reason}") -> dict[str, Rule]:
    (folder / "base.yml").write_text(base, "utf-8")
    (folder / "own.yml").write_text(text, "utf-8")
    return {rule.call: rule for rule in read_profile(folder, "own", CONSTANTS).rules}


def test_lines_add_to_and_replace_what_is_included(tmp_path: Path) -> None:
    rules = profile(tmp_path, "include: [base]\nallow: {write: own reason}\nsoft: {EPERM: {read: not here}}")
    assert rules == {"read": Rule("read", "not here", error=1), "write": Rule("write", "own reason")}


def test_tests_of_arguments(tmp_path: Path) -> None:
    text = "allow: {ioctl: {reason: some reason, when: [{1: {in: [TWO, ONE]}, 2: {lacks: [ONE, FOUR]}}], else: EINVAL}}"
    tests = (Condition(1, "in", (1, 2)), Condition(2, "lacks", (5,)))
    assert profile(tmp_path, text)["ioctl"] == Rule("ioctl", "some reason", (tests,), 22)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("allow: {read: x}", "read needs a reason"),
        ("allow: {read: }", "read needs a reason"),
        ("deny: {}", "only include, allow and soft"),
        ("[]", "only include, allow and soft"),
        ("include: [own]", "includes itself"),
        ("allow: {read: some reason}\nsoft: {EPERM: {read: some reason}}", "read has two lines"),
        ("soft: {ENONSENSE: {read: some reason}}", "ENONSENSE is no name"),
        ("allow: {ioctl: {reason: some reason}}", "when must"),
        ("allow: {ioctl: {reason: some reason, when: {1: {in: [NONE_SUCH]}}}}", "NONE_SUCH is not in constants"),
        ("allow: {ioctl: {reason: some reason, when: {6: {in: [ONE]}}}}", "argument 6"),
        ("allow: {ioctl: {reason: some reason, when: {1: {is: [ONE]}}}}", "operation must be one of"),
        ("allow: {ioctl: {reason: some reason, when: {1: {in: []}}}}", "operation must be one of"),
        ("allow: {ioctl: {reason: some reason, when: {1: ONE}}}", "write 'number"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        profile(tmp_path, text)


def test_an_unknown_call_is_named(tmp_path: Path) -> None:
    profile(tmp_path, "allow: {frobnicate: some reason}")
    with pytest.raises(ValueError, match="frobnicate is not in syscalls"):
        compile_profile(read_profile(tmp_path, "own", {}), ARCHITECTURES[0], {})


def test_a_jump_that_is_too_far_is_refused() -> None:
    assembler = Assembler()
    far = assembler.label("far")
    assembler.jump(EQUAL, 1, true=far)
    for _ in range(256):
        assembler.give(0)
    assembler.place(far)
    assembler.give(0)
    with pytest.raises(ValueError, match="over 256 instructions"):
        assembler.assemble()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("stage: 1", "stage: x", "stage"),
        ("    stage: 1", "    stage: 1\n    colour: red", "'colour': .'unknown field"),
        ("edges:", "wishes: []\nedges:", "'wishes': .'unknown field"),
        ("[CAP_NET_ADMIN]", "[CAP_SYS_MODULE]", "CAP_SYS_MODULE"),
        ("between: [worker, sessiond]", "between: [worker, nobody]", "nobody is no child"),
        ("yields: mgmtd", "yields: keyd", "keyd is not at its ends"),
        ("{from: mgmtd, to: netd,", "{from: worker, to: netd,", "no edge joins worker and netd"),
        ("send: [AskNetdStatus]", "send: [AskNetdStatus, AskNetdStatus]", "stands twice"),
        ("to: netd, in: [serving], send: [AskNetdStatus]", "to: netd, in: [starting], send: [AskNetdStatus]", "only"),
        ("{from: mgmtd, to: worker,", "{from: mgmtd, to: nobody,", "nobody is no process"),
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = (TREE / "seccomp/processes.yml").read_text("utf-8")
    assert old in text
    (tmp_path / "processes.yml").write_text(text.replace(old, new, 1), "utf-8")
    (tmp_path / "schema.yml").write_text((TREE / "seccomp/schema.yml").read_text("utf-8"), "utf-8")
    with pytest.raises(ValueError, match=words):
        read_manifest(tmp_path)
