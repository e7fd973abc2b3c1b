# SPDX-License-Identifier: GPL-3.0-or-later
"""Several machines at once: whose name counts, what is refused before anything is looked at, what they come to."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from wolfguard.audit.waivers import Kind, Spoken
from wolfguard.cli import audit_hosts, reach
from wolfguard.cli.audit_hosts import Defaults
from wolfguard.cli.root import command
from wolfguard.errors import ConfigurationError
from wolfguard.policy.controls import read_audit_profile

NOWHERE = "/nonexistent/control.sock"
DEFAULTS = Defaults(reach.Ways(), Path("/run/wolfguard-gateway/control.sock"), "/opt/wolfguard-gateway", None, "")
RULES = len(read_audit_profile("gateway").rules)


def run(*words: str) -> Result:
    return CliRunner().invoke(command, ["--socket", NOWHERE, "audit", "run", "--profile", "gateway", *words])


def names(*urls: str) -> list[str]:
    return [each.name for each in audit_hosts.subjects(audit_hosts.from_options(urls), DEFAULTS)]


def test_a_name_is_the_sites() -> None:
    assert names("ssh://root@gw1:22", "gw-2=ssh://192.0.2.7", "nspawn://gw3") == ["gw1", "gw-2", "gw3"]


def test_no_name_twice_and_none_that_is_no_folder() -> None:
    with pytest.raises(ConfigurationError, match="two machines are called gw1"):
        names("ssh://gw1", "docker://gw1")
    with pytest.raises(ConfigurationError, match="needs a name"):
        names("chroot:///srv/gw 1")
    assert names("gw1=chroot:///srv/gw 1") == ["gw1"]


@pytest.mark.parametrize("prefix", ["relative", "/a;id", "/a b", "/$(id)", "/", ""])
def test_paths_that_nobody_is_asked_for(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="no path"):
        audit_hosts.subjects([{"host": "ssh://gw1", "prefix": prefix}], DEFAULTS)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("hosts: []\n", "hosts"),
        ("hosts:\n  - {name: gw1}\n", "host"),
        ("hosts:\n  - {host: 'ssh://gw1', name: 'a/b'}\n", "name"),
        ("hosts:\n  - {host: 'ssh://gw1', password: x}\n", "password"),
        ("hosts:\n  - {host: 'ssh://gw1', socket: 'a;b'}\n", "socket"),
        ("hosts: [", "not YAML"),
        ("hosts:\n  - {host: 'telnet://gw1'}\n", "names no machine"),
        ("hosts:\n  - {host: 'ssh://gw1', listener: gw1}\n", "takes ADDRESS:PORT"),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "hosts.yml").write_text(text)
    result = run("--hosts", str(tmp_path / "hosts.yml"))
    assert result.exit_code == 2, result.output
    assert complaint in result.output


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("--host", "gw1"), 2, "names no machine"),
        (("--hosts", "/nonexistent"), 2, "no such regular file"),
        (("--host", "ssh://a", "--host", "ssh://b", "--listener", "a:443"), 2, "one machine's"),
        (("--host-keys", "no", "--host", "ssh://a"), 2, "host-keys"),
        (("--parallel", "0"), 2, "parallel"),
    ],
)
def test_refusals(words: tuple[str, ...], code: int, complaint: str) -> None:
    result = run(*words)
    assert result.exit_code == code, result.output
    assert complaint in result.output


def test_a_waiver_counts_where_the_site_says() -> None:
    spoken = [Spoken(Kind.WAIVER, "host/x", host, "text", "somebody", date(2027, 1, 1)) for host in ("", "gw1", "gw9")]
    assert audit_hosts.of_host(spoken, "gw1") == tuple(spoken[:2])
    assert audit_hosts.of_host(spoken, "gw2") == tuple(spoken[:1])
    assert audit_hosts.unheard(spoken, ["gw1", "gw2"]) == ("the waiver of host/x is for gw9, which is not looked at",)


def test_one_that_is_not_there_is_errors_and_the_others_go_on(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    folder = tmp_path / "audits"
    words = ("--host", "gone=nspawn://there-is-none", "--host", f"chroot://{root}", "--host", "local://")
    result = run(*words, "--json", "--output", str(folder))
    document: dict[str, Any] = json.loads(result.stdout)
    gone, chroot, here = document["hosts"]
    assert gone["result"]["counts"]["error"] + gone["result"]["counts"].get("manual", 0) == RULES
    assert "no container 'there-is-none' runs here" in gone["lost"]
    assert gone["exit_code"] == 7
    assert (chroot["name"], chroot["lost"], here["lost"]) == ("root", "", "")
    assert here["result"]["counts"]["pass"] > 0
    codes = {each["exit_code"] for each in document["hosts"]}
    assert document["exit_code"] == result.exit_code == (6 if 6 in codes else 7)
    for name in ("gone", "root", here["name"]):
        assert {file.name for file in (folder / name).iterdir()} >= {"result.json", "report.html", "bundle.jsonl"}
    assert json.loads((folder / "summary.json").read_bytes()) == document
    assert stat.S_IMODE((folder / "summary.txt").stat().st_mode) == 0o600
    assert "not looked at to the end" in (folder / "summary.txt").read_text().lower()
    again = run(*words, "--output", str(folder))
    assert again.exit_code == 1
    assert "is there already" in again.output


def test_lines_for_a_file_and_a_drawing_for_a_terminal(tmp_path: Path) -> None:
    words = [sys.executable, "-I", "-m", "wolfguard.cli", "--socket", NOWHERE, "audit", "run", "--profile", "gateway"]
    words += ["--fail-on", "never", "--host", "a=nspawn://none-a", "--host", "b=nspawn://none-b"]
    plain = subprocess.run(words, check=False, capture_output=True, text=True)
    assert plain.returncode == 0
    assert sorted(line.partition(":")[0] for line in plain.stderr.splitlines()) == ["a", "b"]
    assert "\x1b" not in plain.stderr + plain.stdout
    assert plain.stdout.startswith("wolfguard audit of 2 hosts, profile gateway")
    master, slave = os.openpty()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=slave) as process:
        os.close(slave)
        shown = b""
        try:
            while part := os.read(master, 4096):
                shown += part
        except OSError:
            pass  # what a terminal answers when nobody holds its other side
        assert process.stdout is not None
        process.stdout.read()
    os.close(master)
    assert b"0 of 2 hosts" in shown
    assert b"A\x1b[J" in shown
    assert b"\r\na: " in shown or b"\x1b[Ja: " in shown
