# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs say of why becomes a sentence of a closed list: known words are recognised, none of them goes on."""

from __future__ import annotations

import pytest

from wolfguard.audit import complaint as complaints
from wolfguard.audit.complaint import READ_MAXIMUM, UNKNOWN, complaint

SECRET = b"Pl4nted-Geheimnis-77"
SENTENCES = {sentence for _, sentence in complaints._KNOWN} | {UNKNOWN, ""}
# what programs of Debian 12 and 13 print
SAID = {
    b"Error: Could not process rule: Operation not permitted": "Operation not permitted",
    b"netlink: Error: cache initialization failed: Operation not permitted": "Operation not permitted",
    b"netlink: Error: cache initialization failed: Protocol not supported": "the kernel does not support it",
    b"You must be root to run this program.": "only root may ask",
    b"System has not been booted with systemd as init system (PID 1). Can't operate.\n"
    b"Failed to connect to bus: Host is down": "systemd does not run there",
    b"Missing privilege separation directory: /run/sshd": "its folder below /run is missing",
    b"sshd: no hostkeys available -- exiting.": "it has no host keys",
    b"dpkg: package 'aide' is not installed": "no such package is installed",
    b"auditor@gw1: Permission denied (publickey).": "Permission denied",
    b"Host key verification failed.": "Host key verification failed",
    b"ssh: Could not resolve hostname gw1: Name or service not known": "its name cannot be resolved",
    b"Python 3.9 is too old there, 3.11 is needed": "Python is too old there, 3.11 is needed",
    b'Error: no container with name or ID "gw1" found: no such container': "no such container runs",
    b"bash: line 1: sudo: command not found": "there is no sudo: log in as root",
    b"env: 'sudo': No such file or directory": "there is no sudo: log in as root",
}


@pytest.mark.parametrize("said", SAID, ids=lambda said: said[:20].decode())
def test_known_words_are_understood(said: bytes) -> None:
    assert complaint(said) == SAID[said]


@pytest.mark.parametrize(
    "said",
    [
        b"sudo: a password is required",
        b"sudo: interactive authentication is required",
        b"We trust you have received the usual lecture.\n\nsudo: a terminal is required to read the password\n",
    ],
)
def test_a_sudo_that_asks_says_what_to_do(said: bytes) -> None:
    assert "NOPASSWD" in complaint(said)


@pytest.mark.parametrize("said", [*SAID, b"", b"/etc/x: line 7", b"\xff\xfe\0"], ids=repr)
@pytest.mark.parametrize("form", [b"%s %s", b"%s\n%s", b"%s=%s: %s"])
def test_a_secret_beside_them_never_goes_on(said: bytes, form: bytes) -> None:
    parts = [said, SECRET, said][: form.count(b"%s")]
    for each in (parts, parts[::-1]):
        assert complaint(form % tuple(each)) in SENTENCES
        assert SECRET.decode() not in complaint(form % tuple(each))


def test_nothing_is_no_complaint_and_strange_words_are_one() -> None:
    assert complaint(b"\n \n") == ""
    assert complaint(SECRET) == UNKNOWN


def test_what_is_said_without_end_is_read_from_its_end() -> None:
    assert complaint(b"x" * 10 * READ_MAXIMUM + b"\nPermission denied\n") == "Permission denied"
    assert complaint(b"Permission denied\n" + b"x" * READ_MAXIMUM) == UNKNOWN
