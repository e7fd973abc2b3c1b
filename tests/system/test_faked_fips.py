# SPDX-License-Identifier: GPL-3.0-or-later
"""A FIPS flag that somebody fakes by mounts, each in a mount namespace of its own: it is found, and the real one is not
taken for a fake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPORT = """
import dataclasses, json
from wolfguard.fips import host, observe
found = host.report(observe.host(), ())
print(json.dumps({"kernel": found.kernel, "findings": [text for _, text in found.findings]}))
"""
READ = """
import json, sys
from wolfguard.linux import kernel_file
found = kernel_file.read(sys.argv[1])
print(json.dumps([found.text, found.problem]))
"""
# Stands for /proc/sys/crypto/fips_enabled, which a kernel without CONFIG_CRYPTO_FIPS does not have.
REAL = "/proc/sys/kernel/randomize_va_space"


def inside(script: str, program: str, *words: str) -> object:
    """What `program` prints behind the mounts that `script` makes, both in a mount namespace of their own."""
    shell = f'set -e; {script}\nexec "$@"'
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", shell, "inside"]
    result = subprocess.run(
        [*command, sys.executable, "-c", program, *words], check=False, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("{fake} mount --bind {file} {real}", "not on a proc file system"),
        ("mount --bind /proc/sys/kernel/panic {real}", "/sys/kernel/panic of a proc file system is mounted at"),
        ("mount --bind /proc/sys/vm /proc/sys/kernel", ""),
        ("{fake} mount -t tmpfs none /proc/sys/kernel; cp {file} {real}", "not on a proc file system"),
        ("{fake} mount -t tmpfs none /proc; mkdir -p $(dirname {real}); cp {file} {real}", "not on a proc file system"),
        ("mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys", None),
        ("mount -t proc proc /proc", None),
        (":", None),
    ],
)
def test_mounts_over_a_file_of_proc(tmp_path: Path, script: str, words: str | None) -> None:
    file = tmp_path / "flag"
    text = script.format(fake=f"echo 1 > {file};", file=file, real=REAL)
    answer = inside(text, READ, REAL)
    assert isinstance(answer, list)
    content, problem = answer
    if words is None:
        assert problem == ""
        assert content == Path(REAL).read_text()
    elif words:
        assert words in problem
    else:
        # the folder of another subject has no such file: nothing is claimed
        assert (content, problem) == (None, "")


def test_this_machine_contradicts_nothing() -> None:
    answer = inside(":", REPORT)
    assert isinstance(answer, dict)
    assert answer["kernel"] in ("on", "off")


def test_a_faked_command_line(tmp_path: Path) -> None:
    (tmp_path / "cmdline").write_text("quiet fips=1\n")
    answer = inside(f"mount --bind {tmp_path}/cmdline /proc/cmdline", REPORT)
    assert isinstance(answer, dict)
    assert answer["kernel"] == "contradictory"
    assert any("/proc/cmdline is not on a proc file system" in text for text in answer["findings"])


def test_a_whole_faked_machine(tmp_path: Path) -> None:
    """Flag, command line and algorithms agree with each other, and are all found."""
    algorithms = Path("/proc/crypto").read_text().replace("internal     : no", "internal     : no\nfips         : yes")
    (tmp_path / "crypto").write_text(algorithms)
    (tmp_path / "cmdline").write_text("quiet fips=1\n")
    script = f"""
mkdir -p {tmp_path}/sys && echo 1 > {tmp_path}/sys/fips_enabled
mount --bind {tmp_path}/crypto /proc/crypto
mount --bind {tmp_path}/cmdline /proc/cmdline
[ -d /proc/sys/crypto ] && mount --bind {tmp_path}/sys /proc/sys/crypto || true
"""
    answer = inside(script, REPORT)
    assert isinstance(answer, dict)
    assert answer["kernel"] == "contradictory"
    faked = [text for text in answer["findings"] if "something is mounted over it" in text]
    assert len(faked) == 2 + Path("/proc/sys/crypto").is_dir()
