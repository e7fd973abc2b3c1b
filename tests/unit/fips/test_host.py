# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine says of FIPS, and when it contradicts itself. Made-up machines; real mounts are in tests/system."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wolfguard.fips import host, observe
from wolfguard.fips.facts import ListedSystem, SystemModule
from wolfguard.fips.host import FAKED, OFF, ON, UNKNOWN, Host, OpenSsl, asked_for, report
from wolfguard.linux.kernel_file import KernelFile

AES = "name         : aes\ndriver       : aes-generic\nselftest     : passed\n"
MARKED = f"{AES}fips         : yes\n"
NONE = OpenSsl("", False, False, "")


def machine(flag: str | None, command_line: str | None, algorithms: str | None, release: str = "6.12.1") -> Host:
    return Host(
        KernelFile("/proc/sys/crypto/fips_enabled", flag, ""),
        KernelFile("/proc/cmdline", command_line, ""),
        KernelFile("/proc/crypto", algorithms, ""),
        release,
        NONE,
        None,
        ("debian", "12"),
    )


@pytest.mark.parametrize(
    ("flag", "command_line", "algorithms", "release", "state"),
    [
        ("1\n", "quiet fips=1", MARKED, "6.12.1", ON),
        ("1\n", "quiet fips=1", AES, "5.14.0-427.el9", ON),
        ("1\n", "quiet fips=1", None, "6.12.1", ON),
        ("0\n", "quiet", AES, "6.12.1", OFF),
        ("0\n", "quiet fips=0", AES, "6.12.1", OFF),
        (None, "quiet", AES, "6.12.1", OFF),
        (None, "quiet -- fips=1", AES, "6.12.1", OFF),
        ("0\n", None, AES, "6.12.1", UNKNOWN),
        ("1\n", "quiet", MARKED, "6.12.1", FAKED),
        ("1\n", "quiet -- fips=1", MARKED, "6.12.1", FAKED),
        ("1\n", "quiet fips=1 fips=0", MARKED, "6.12.1", FAKED),
        ("0\n", "quiet fips=1", AES, "6.12.1", FAKED),
        (None, "quiet fips=1", AES, "6.12.1", FAKED),
        ("1\n", "quiet fips=1", AES, "6.3.0", FAKED),
        ("0\n", "quiet", MARKED, "6.12.1", FAKED),
    ],
)
def test_kernels(flag: str | None, command_line: str | None, algorithms: str | None, release: str, state: str) -> None:
    assert report(machine(flag, command_line, algorithms, release), ()).kernel == state


@pytest.mark.parametrize("name", ["flag", "command_line", "algorithms"])
def test_a_mount_over_any_of_the_files_is_a_contradiction(name: str) -> None:
    sound = machine("1\n", "fips=1", MARKED)
    changed = {"flag": sound.flag, "command_line": sound.command_line, "algorithms": sound.algorithms}[name]
    faked: dict[str, KernelFile] = {name: replace(changed, problem="something is mounted over it")}
    found = report(replace(sound, **faked), ())  # type: ignore[arg-type]
    assert found.kernel == FAKED
    assert ("kernel, contradiction", "something is mounted over it") in found.findings


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("fips=1", True), ("a fips=1 b\n", True), ("fips=0", False), ("xfips=1", False), ("fips=", False), ("", False)],
)
def test_the_command_line(text: str, wanted: bool) -> None:
    assert asked_for(text) is wanted


def finding(found: host.HostReport, name: str) -> str:
    return dict(found.findings)[name]


def test_distributions() -> None:
    systems = (
        ListedSystem("debian", "", ()),
        ListedSystem("rhel", "9", (SystemModule("OpenSSL", 4857, None),)),
    )
    debian = machine("0", "", AES)
    assert "no validated module of its own" in finding(report(debian, systems), "distribution")
    rhel = replace(debian, system=("rhel", "9"))
    assert "OpenSSL #4857" in finding(report(rhel, systems), "distribution")
    assert "says nothing" in finding(report(replace(debian, system=("rhel", "10")), systems), "distribution")
    assert "no list" in finding(report(debian, None), "distribution")


def test_openssls() -> None:
    base = machine("0", "", AES)
    for openssl, words in (
        (NONE, "no openssl command"),
        (OpenSsl("OpenSSL 3.0", False, False, "unable to load"), "no FIPS provider that loads (unable to load)"),
        (OpenSsl("OpenSSL 3.0", True, True, "version 3"), "self-tests passed (version 3), its configuration loads it"),
        (OpenSsl("OpenSSL 3.0", False, True, "version 3"), "but its configuration does not load it"),
    ):
        assert words in finding(report(replace(base, openssl=openssl), ()), "OpenSSL")


def test_the_machines_own_openssl_is_asked() -> None:
    found = observe.openssl()
    assert found.version.startswith("OpenSSL ")
    assert found.told
    assert observe.openssl("/nonexistent/openssl") == OpenSsl(
        "", False, False, "/nonexistent/openssl: No such file or directory"
    )
