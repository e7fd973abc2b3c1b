# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway with users, a session and records is looked at and backed up; what is no backup of it changes nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from ground import KEYS, Site
from testinfra.host import Host

PASSWORD = "correct horse battery staple"
BACKUP = "playbooks/backup.yml"
RESTORE = "playbooks/restore.yml"
STATE = "find /etc/wolfguard-gateway /var/lib/wolfguard-gateway /opt/wolfguard-gateway/versions -maxdepth 2 | sort"


@pytest.fixture(scope="module")
def site(host: Host, folder: Path) -> Site:
    return Site(host, folder)


def fetched(site: Site) -> list[Path]:
    return sorted((site.kept / site.name).glob("*.backup"))


def sealed(text: bytes) -> bytes:
    """Whatever a backup says, with a good hash behind it."""
    return text + b"sha256 " + hashlib.sha256(text).hexdigest().encode() + b"\n"


def test_users_and_a_session(site: Site) -> None:
    for name in ("alice", "bob"):
        site.host.check_output(f"printf %s '{PASSWORD}' | wolfguard user add {name} --password-stdin")
    (site.kept / "cookie").write_text(site.client("login", "alice"))
    site.client("up", str(site.kept / "cookie"))
    site.carries()
    assert site.session("alice")["ipv4"].startswith("10.99.")


def test_what_the_audit_says_of_it(site: Site) -> None:
    assert (site.audit("before") / "result.json").is_file()


def test_check_mode_writes_no_backup(site: Site) -> None:
    code, output = site.play(BACKUP, "--check", "--diff")
    assert code == 0, output[-3000:]
    assert fetched(site) == []
    assert site.host.run("ls /var/backups/wolfguard-gateway/*.backup").stdout == ""


def test_a_backup_is_for_its_owner_alone_here_and_there(site: Site) -> None:
    code, output = site.play(BACKUP)
    assert code == 0, output[-3000:]
    (file,) = fetched(site)
    assert file.parent.stat().st_mode & 0o777 == 0o700
    there = site.host.file(f"/var/backups/wolfguard-gateway/{file.name}")
    assert (there.mode, there.user) == (0o600, "root")
    assert there.sha256sum == hashlib.sha256(file.read_bytes()).hexdigest()
    known = {
        "backup": str(file),
        "users": site.users(),
        "session": site.session("alice"),
        "files": site.files(),
        "records": site.records(),
        "secrets": site.host.check_output(f"cat {KEYS}/*.key /etc/wolfguard-gateway/tls/*.key").splitlines(),
    }
    (site.kept / "known.json").write_text(json.dumps(known))
    shutil.copy(site.folder / "evidence.pub", site.kept / "evidence.pub")
    (site.kept / "checkpoint.pub").write_text(site.host.file(f"{KEYS}/checkpoint.pub").content_string)


def test_the_oldest_backups_go(site: Site) -> None:
    code, output = site.play(BACKUP, "-e", "gateway_backups_kept=1")
    assert code == 0, output[-3000:]
    (there,) = site.host.check_output("ls /var/backups/wolfguard-gateway").split()
    first, second = fetched(site)
    assert there == second.name
    second.unlink()
    assert first == Path(json.loads((site.kept / "known.json").read_text())["backup"])


def bad(good: bytes) -> dict[str, tuple[bytes, str]]:
    """What is no backup of this machine, and what is said of it."""
    head, line = good.split(b"\n", 2)[:2]
    body = good[: good.rindex(b"sha256 ")]
    other = json.loads(line)
    other["host"] = "vpn9"
    return {
        "cut-off": (good[: len(good) // 2], "this backup is cut off: its end is missing; use another copy"),
        "empty": (b"", "this is not a backup of wolfguard; name a file that `wolfguard backup` has written"),
        "changed": (good[:-200] + bytes([good[-200] ^ 1]) + good[-199:], "its hash does not hold; use another copy"),
        "newer": (
            sealed(body.replace(head, b"wolfguard-backup 99", 1)),
            "a newer version made it, restore it with that",
        ),
        "of-another": (
            sealed(body.replace(line, json.dumps(other, separators=(",", ":")).encode(), 1)),
            "For the playbook that is -e gateway_backup_of=NAME",
        ),
    }


def test_what_is_no_backup_of_this_machine_changes_nothing(site: Site) -> None:
    (file,) = fetched(site)
    cases = {name: (content, text) for name, (content, text) in bad(file.read_bytes()).items()}
    before = (site.pids(), site.files(), site.host.check_output(STATE), site.session("alice"))
    for name, (content, text) in cases.items():
        wrong = site.kept / name
        wrong.write_bytes(content)
        for words in ([], ["--check"]):
            code, output = site.play(RESTORE, "-e", f"gateway_backup={wrong}", *words)
            assert code == 2, output[-3000:]
            told = " ".join(output.split())
            assert f"{wrong} is not put back, and the gateway stays as it was." in told, output[-3000:]
            assert text in told, output[-3000:]
    assert (site.pids(), site.files(), site.host.check_output(STATE), site.session("alice")) == before
    assert site.host.run("ls -d /tmp/wolfguard-restore.*").rc != 0
    site.carries()


def test_a_file_that_is_not_there_and_none_at_all(site: Site) -> None:
    before = site.pids()
    code, output = site.play(RESTORE, "-e", f"gateway_backup={site.kept}/nowhere")
    assert code == 2
    assert "gateway_backup is wrong: its value is not a file on this controller. For playbooks/restore.yml" in output
    code, output = site.play(RESTORE)
    assert code == 2
    assert "name the backup's file on the controller, and one machine" in output
    assert site.pids() == before


def test_check_mode_of_a_restore_looks_and_changes_nothing(site: Site) -> None:
    (file,) = fetched(site)
    before = (site.pids(), site.files(), site.host.check_output(STATE), site.session("alice"))
    code, output = site.play(RESTORE, "-e", f"gateway_backup={file}", "--check", "--diff")
    assert code == 0, output[-3000:]
    assert site.changed(output) == 0
    assert (site.pids(), site.files(), site.host.check_output(STATE), site.session("alice")) == before
