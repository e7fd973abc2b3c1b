# SPDX-License-Identifier: GPL-3.0-or-later
"""The file with the test account: read by its owner alone, and never quoted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wolfguard.cli import audit_login
from wolfguard.cli.failure import CommandError

GOOD = "user: auditor\nsecrets: [first secret, '123456']\n"


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "login.yml"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_an_account(tmp_path: Path) -> None:
    found = audit_login.read(written(tmp_path, GOOD + "group: staff\n"))
    assert (found.user, found.group) == ("auditor", "staff")
    assert found.pin == ""
    assert [each.reveal() for each in found.secrets] == [b"first secret", b"123456"]
    assert "secret" not in repr(found).replace("secrets", "")


@pytest.mark.parametrize(
    "text",
    [
        "user: auditor\n",
        "user: auditor\nsecrets: [hidden-word, 5]\n",
        "user: auditor\nsecrets: hidden-word\n",
        "user: auditor\nsecrets: [hidden-word]\npassword: hidden-word\n",
        "user: auditor\nsecrets: [hidden-word]\npin: sha256:hidden-word\n",
        "- hidden-word\n",
        "secrets: [hidden-word\n",
        "user: auditor\nsecrets: [hidden-word]\n" + "#" * audit_login.BYTES_MAXIMUM,
    ],
)
def test_another_form_is_refused_and_not_quoted(tmp_path: Path, text: str) -> None:
    with pytest.raises(CommandError) as caught:
        audit_login.read(written(tmp_path, text))
    assert "hidden-word" not in caught.value.message


def test_who_may_read_it(tmp_path: Path) -> None:
    for mode in (0o640, 0o604, 0o660):
        with pytest.raises(CommandError, match="chmod 600"):
            audit_login.read(written(tmp_path, GOOD, mode))


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(CommandError, match="not a regular file"):
        audit_login.read(tmp_path / "fifo")
    with pytest.raises(CommandError, match="cannot be read"):
        audit_login.read(tmp_path / "nothing")
