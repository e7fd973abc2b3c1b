# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of machines and the commands that lead there: nothing in a name is obeyed, whoever has written it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from wolfguard.audit.far.channel import STARTER, modules
from wolfguard.cli import reach
from wolfguard.cli.reach import Target, Ways
from wolfguard.errors import ConfigurationError, LocalError


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("ssh://gw1", Target("ssh", "gw1", "gw1")),
        ("ssh://auditor@gw1.example.com:2222", Target("ssh", "auditor@gw1.example.com:2222", "gw1.example.com")),
        ("ssh://[2001:db8::1]:22", Target("ssh", "[2001:db8::1]:22", "2001:db8::1")),
        ("docker://gw_1", Target("docker", "gw_1", "gw_1")),
        ("podman://gw", Target("podman", "gw", "gw")),
        ("nspawn://gw", Target("nspawn", "gw", "gw")),
        ("chroot:///srv/roots/gw 1", Target("chroot", "/srv/roots/gw 1", "gw 1")),
        ("local://", Target("local", "", "")),
    ],
)
def test_names(url: str, target: Target) -> None:
    assert reach.parse(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "", "gw1", "ssh://", "ssh://-oProxyCommand=id", "ssh://-l@gw1", "ssh://a b", "ssh://gw1;id", "ssh://$(id)",
        "ssh://user:password@gw1", "ssh://gw1:0", "ssh://gw1:65536", "ssh://gw1/path", "ssh://gw1?sudo=true",
        "ssh://gw1#x", "docker://-v", "docker://a/b", "docker://root@gw1", "nspawn://.hidden", "nspawn://a/../b",
        "chroot://relative", "chroot://", "chroot:////x", "local://x", "telnet://gw1", "paramiko://gw1", "SSH://gw1",
        "ssh://gw1\n",
    ],
)  # fmt: skip
def test_what_names_no_machine(url: str) -> None:
    with pytest.raises(ConfigurationError, match="names no machine"):
        reach.parse(url)


PLAIN = Ways()


def shown(url: str, ways: Ways = PLAIN) -> list[str]:
    """The words that the shell makes of the line."""
    shell, option, line = reach.command(reach.parse(url), ways)()
    assert (shell, option) == ("/bin/sh", "-c")
    return shlex.split(line)


def test_ssh_asks_nothing_trusts_nobody_and_forwards_nothing() -> None:
    words = shown("ssh://auditor@gw1:2222")
    assert words[:2] == ["exec", "ssh"]
    options = {words[number + 1] for number, word in enumerate(words) if word == "-o"}
    assert options >= {
        "BatchMode=yes", "StrictHostKeyChecking=yes", "ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes",
        "PermitLocalCommand=no", "ControlMaster=no", "ConnectTimeout=10", "User=auditor", "Port=2222",
    }  # fmt: skip
    assert words[-2] == "gw1"
    assert shlex.split(words[-1]) == ["exec", *reach.PYTHON]
    assert shlex.split(words[-1])[-1] == STARTER
    assert "sudo" not in words[-1]


def test_what_a_site_says_of_the_way() -> None:
    hostile = "/etc/a b;$(id)'\"/config"
    words = shown("ssh://gw1", Ways(sudo=True, ssh_config=hostile, ssh_identity="/k e y", host_keys="accept-new"))
    assert words[words.index("-F") + 1] == hostile
    assert words[words.index("-i") + 1] == "/k e y"
    assert "StrictHostKeyChecking=accept-new" in words
    assert shlex.split(words[-1])[:4] == ["exec", "sudo", "-n", "--"]


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_containers_are_given_input(kind: str) -> None:
    words = shown(f"{kind}://gw1")
    assert words[:6] == ["exec", kind, "exec", "--interactive", "gw1", "/bin/sh"]
    assert shlex.split(words[-1])[-1] == STARTER


def test_a_shell_hands_the_whole_of_it_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the quoting of two shells to a Python that answers: the program ssh is one that keeps the last word."""
    (tmp_path / "ssh").write_text('#!/bin/sh\nfor word; do :; done\nexec /bin/sh -c "$word"\n')
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    command = reach.command(reach.parse("ssh://gw1"), Ways())()
    result = subprocess.run(command, input=modules(), capture_output=True, check=False)
    assert result.stdout.startswith(b"\nwolfguard-audit/1\n"), result.stderr


def test_roots_and_containers_of_this_machine_need_no_program_of_theirs() -> None:
    words = reach.command(reach.parse("chroot:///srv/gw 1"), Ways())()
    assert words == [sys.executable, "-I", "-m", "wolfguard.audit.far.entering", "root", "/srv/gw 1"]
    command = reach.command(reach.parse("nspawn://there-is-none"), Ways())
    with pytest.raises(LocalError, match="no container 'there-is-none' runs here"):
        command()


def test_without_testinfra_a_command_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "testinfra", None)
    monkeypatch.setitem(sys.modules, "testinfra.backend", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'wolfguard-gateway\[remote\]'"):
        reach.command(reach.parse("ssh://gw1"), Ways())


def test_the_address_of_a_machine_is_what_ssh_dials(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host gw1\n  HostName 192.0.2.7\n")
    target = reach.parse("ssh://auditor@gw1:2222")
    assert reach.address(target, Ways(ssh_config=str(config))) == "192.0.2.7"
    assert reach.address(reach.parse("docker://gw1"), Ways()) == ""
