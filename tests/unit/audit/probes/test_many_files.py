# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of several files of a machine at once: modes, accounts and groups, sudo, greetings, packages, and what the
kernel's audit records."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.audit.fake_place import NOW, FakePlace, see
from wolfguard.audit.place import FileFacts, Kind
from wolfguard.policy import recorded

TODAY = int(NOW.timestamp()) // 86_400
SECRET = "Pl4nted"


def a_file(mode: int, owner: str = "root", group: str = "root", kind: Kind = Kind.FILE, target: str = "") -> FileFacts:
    return FileFacts(kind, mode, owner, group, 1, target)


def modes(place: FakePlace, *paths: str, **more: Any) -> Any:
    return see("file-modes", place, {"paths": list(paths), "mode": "0640", **more}).seen


def test_modes_owners_and_groups() -> None:
    place = FakePlace(
        owners={
            "/etc/a": a_file(0o640),
            "/etc/b": a_file(0o644),
            "/etc/c": a_file(0o640, "guest"),
            "/etc/d": a_file(0o600, group="adm"),
            "/etc/e": a_file(0o4640),
        }
    )
    assert modes(place, *(f"/etc/{name}" for name in "abcde"), "/etc/nothing") == {
        "loose": (
            "/etc/b (0644 root:root)",
            "/etc/c (0640 guest:root)",
            "/etc/d (0600 root:adm)",
            "/etc/e (4640 root:root)",
        ),
        "count": 5,
    }
    assert modes(place, "/etc/d", groups=["adm"]) == {"loose": (), "count": 1}
    assert modes(place, "/etc/nothing") is None


def test_patterns_and_links() -> None:
    place = FakePlace(
        owners={
            "/j/one/system.journal": a_file(0o640),
            "/j/two/user.journal": a_file(0o644),
            "/j/two/note": a_file(0o666),
            "/etc/shut": a_file(0o777, kind=Kind.LINK, target="../real"),
            "/etc/dead": a_file(0o777, kind=Kind.LINK, target="/gone"),
            "/real": a_file(0o644),
        }
    )
    assert modes(place, "/j/*/*.journal") == {"loose": ("/j/two/user.journal (0644 root:root)",), "count": 2}
    assert modes(place, "/etc/shut") == {"loose": ("/etc/shut (0644 root:root)",), "count": 1}
    assert modes(place, "/etc/dead", "/none/*") is None


PASSWD = (
    "root:x:0:0:root:/root:/bin/bash\n"
    "backup:x:34:34:backup:/var/backups:/usr/sbin/nologin\n"
    "alice:x:1000:1000:,,,:/home/alice:/bin/bash\n"
)
SHADOW = f"root:*:1::::::\nbackup:*:1::::::\nalice:$6$x$y:{TODAY}::::::\n"
GROUP = "root:x:0:\nshadow:x:42:\nbackup:x:34:\nalice:x:1000:\n"
HOME = a_file(0o700, "alice", "alice", Kind.FOLDER)


def accounts(passwd: str = "", shadow: str = "", group: str = "", shells: str = "/bin/bash\n", home: Any = HOME) -> Any:
    place = FakePlace(
        {
            "/etc/passwd": PASSWD + passwd,
            "/etc/shadow": SHADOW + shadow,
            "/etc/group": GROUP + group,
            "/etc/shells": shells,
        },
        owners={"/home/alice": home} if home else {},
    )
    return see("account-files", place).seen


def test_files_of_accounts_that_fit() -> None:
    assert not any(accounts().values())


@pytest.mark.parametrize(
    ("changes", "key", "found"),
    [
        ({"passwd": f"old:{SECRET}:2000:34::/:/bin/false\n"}, "unshadowed", ("old",)),
        ({"passwd": f"old:{SECRET}:2000:34::/:/bin/false\n"}, "unlocked_services", ("old",)),
        ({"passwd": "lost:x:2000:77::/:/bin/false\n"}, "groupless", ("lost",)),
        ({"passwd": "in:x:2000:42::/:/bin/false\n"}, "shadow_members", ("in",)),
        ({"group": "shadow:x:42:eve\n"}, "shadow_members", ("eve",)),
        ({"passwd": "near:x:2000:0::/:/bin/false\n"}, "root_group", ("near",)),
        ({"group": "wheel:x:0:\n"}, "root_groups", ("wheel",)),
        ({"passwd": "alice:x:2001:1000::/:/bin/false\n"}, "doubled_names", ("alice",)),
        ({"group": "again:x:1000:\n"}, "doubled_groups", ("1000",)),
        ({"group": "alice:x:1001:\n"}, "doubled_group_names", ("alice",)),
        ({"shadow": f"late:*:{TODAY + 1}::::::\n"}, "future_changes", ("late",)),
        ({"shells": "# x\n/bin/bash\n/usr/sbin/nologin\n"}, "refusing_shells", ("/usr/sbin/nologin",)),
        ({"home": None}, "homes", ("alice: there is none",)),
        (
            {"home": a_file(0o700, "eve", kind=Kind.FOLDER)},
            "homes",
            ("alice: it belongs to somebody else or is no folder",),
        ),
        ({"home": a_file(0o755, "alice", kind=Kind.FOLDER)}, "homes", ("alice: others may look into it (0755)",)),
    ],
)
def test_files_of_accounts_that_do_not(changes: dict[str, Any], key: str, found: tuple[str, ...]) -> None:
    seen = accounts(**changes)
    assert seen[key] == found
    assert SECRET not in str(seen)


def test_a_group_file_of_another_form() -> None:
    broken = FakePlace({"/etc/passwd": PASSWD, "/etc/shadow": SHADOW, "/etc/group": "root:x\n"})
    assert "another form" in see("account-files", broken).problem


def sudo(text: str, **files: str) -> Any:
    return see(
        "sudo", FakePlace({"/etc/sudoers": text, **{f"/etc/sudoers.d/{name}": each for name, each in files.items()}})
    ).seen


def test_what_sudo_says_for_everybody() -> None:
    assert sudo("root ALL=(ALL:ALL) ALL\n") == {
        "settings": {"use_pty": False, "timestamp_timeout": 15, "authenticate": True}, "unasked": (),
    }  # fmt: skip
    text = 'Defaults\tenv_reset, use_pty\nDefaults logfile="/var/log/sudo.log"\nDefaults:eve !authenticate\n'
    seen = sudo(
        text, site="Defaults timestamp_timeout=-1, \\\n  !authenticate\n# NOPASSWD: no\n%ops ALL = NOPASSWD: ALL\n"
    )
    assert seen["settings"] == {
        "use_pty": True, "timestamp_timeout": -1, "authenticate": False, "env_reset": True,
        "logfile": "/var/log/sudo.log",
    }  # fmt: skip
    assert seen["unasked"] == ("/etc/sudoers: line 3", "/etc/sudoers.d/site: line 4")
    assert see("sudo", FakePlace()).seen is None


def test_no_line_of_sudo_leaves_the_probe() -> None:
    seen = sudo(f"Defaults passprompt={SECRET}\n{SECRET} ALL = NOPASSWD: /bin/{SECRET}\n")
    assert seen["unasked"] == ("/etc/sudoers: line 2",)
    assert SECRET not in str(seen)


def test_names_that_sudo_leaves_out() -> None:
    place = FakePlace({"/etc/sudoers": "", "/etc/sudoers.d/old.bak": "a ALL = NOPASSWD: ALL\n"})
    assert see("sudo", place).part(("unasked",)) == ()


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("Authorized use only.\n", ()),
        ("Debian GNU/Linux 12 \\n \\l\n", ("debian", "gnu/linux")),
        ("\\S{PRETTY_NAME} \\r\n", ("\\S{PRETTY_NAME}", "\\r")),
    ],
)
def test_greetings(text: str, tells: tuple[str, ...]) -> None:
    assert see("greeting", FakePlace({"/etc/issue": text}), {"path": "/etc/issue"}).seen == {"tells": tells}


def test_no_greeting() -> None:
    assert see("greeting", FakePlace({"/etc/issue": "\n"}), {"path": "/etc/issue"}).seen is None
    assert see("greeting", FakePlace(), {"path": "/etc/issue"}).seen is None


def test_installed_packages() -> None:
    status = (
        "Package: nginx\nStatus: install ok installed\nVersion: 1\n\n"
        "Package: squid\nStatus: deinstall ok config-files\n\nPackage: samba\nStatus: hold ok installed\n"
    )
    place = FakePlace({"/var/lib/dpkg/status": status})
    assert see("installed-packages", place, {"names": ["nginx", "squid", "samba", "cups"]}).seen == {
        "installed": ("nginx", "samba")
    }
    assert see("installed-packages", FakePlace(), {"names": ["nginx"]}).problem


def test_what_is_recorded_of_a_subject() -> None:
    whole = recorded.read(line for lines in recorded.SUBJECTS.values() for line in lines)
    assert not any(recorded.lacking(whole).values())
    for subject, lines in recorded.SUBJECTS.items():
        others = recorded.read(line for name, each in recorded.SUBJECTS.items() if name != subject for line in each)
        wanted = recorded.read(lines)
        assert set(recorded.lacking(others)[subject]) == (wanted.calls | wanted.watches) - others.calls - others.watches
    assert recorded.rendered().count(" -k ") == sum(map(len, recorded.SUBJECTS.values()))


def test_a_watch_on_a_folder_is_one_on_what_is_in_it() -> None:
    loaded = recorded.read(["-w /run -p wa", "-w /var/log/ -p wa"])
    assert recorded.lacking(loaded)["sessions"] == ()
    assert recorded.lacking(recorded.read(["-a always,exit -S all"]))["mounts"] == ()
    assert recorded.lacking(recorded.read(["-a never,exit -S mount"]))["mounts"] == ("mount",)
