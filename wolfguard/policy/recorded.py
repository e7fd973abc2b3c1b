# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel's audit records of each subject: lines for auditctl(8), which an audit holds against those that are
loaded, and which a site can load.

A call counts as recorded for persons alone (auid of a login), so that the gateway's own processes fill nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_PERSONS: Final = "-F auid>=1000 -F auid!=unset"


def _calls(names: str, more: str = _PERSONS) -> str:
    return f"-a always,exit -F arch=b64 -S {names} {more}".strip()


def _program(path: str) -> str:
    return f"-a always,exit -F path={path} -F perm=x {_PERSONS}"


SUBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "administration": ("-w /etc/sudoers -p wa", "-w /etc/sudoers.d -p wa"),
    "another-user": (_calls("execve", "-C euid!=uid -F auid!=unset"),),
    "time": (_calls("adjtimex,clock_settime,settimeofday", ""), "-w /etc/localtime -p wa"),
    "network": (
        _calls("sethostname,setdomainname", ""),
        *(f"-w {path} -p wa" for path in ("/etc/issue", "/etc/issue.net", "/etc/hosts", "/etc/network")),
    ),
    "denied": (
        _calls("openat,truncate,ftruncate", f"-F exit=-EACCES {_PERSONS}"),
        _calls("openat,truncate,ftruncate", f"-F exit=-EPERM {_PERSONS}"),
    ),
    "identity": tuple(
        f"-w {path} -p wa"
        for path in ("/etc/group", "/etc/passwd", "/etc/gshadow", "/etc/shadow", "/etc/security/opasswd")
    ),
    "permissions": (
        _calls("fchmod,fchmodat"),
        _calls("fchown,fchownat"),
        _calls("setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr"),
    ),
    "mounts": (_calls("mount"),),
    "sessions": tuple(f"-w {path} -p wa" for path in ("/var/run/utmp", "/var/log/wtmp", "/var/log/btmp")),
    "logins": tuple(f"-w {path} -p wa" for path in ("/var/log/lastlog", "/var/run/faillock")),
    "deletions": (_calls("unlinkat,renameat,renameat2"),),
    "access-policy": ("-w /etc/selinux -p wa", "-w /usr/share/selinux -p wa"),
    "label-changes": (_program("/usr/bin/chcon"),),
    "access-lists": (_program("/usr/bin/setfacl"), _program("/usr/bin/chacl")),
    "account-changes": (_program("/usr/sbin/usermod"),),
}
"""Lines by subject, without the key that names them in records."""


def rendered() -> str:
    """All lines, each with its subject as the key by which records are found (a file for /etc/audit/rules.d)."""
    return "".join(f"{line} -k {subject}\n" for subject, lines in SUBJECTS.items() for line in lines)


@dataclass(frozen=True, slots=True)
class Recorded:
    """System calls and files that lines of auditctl name; those that exclude something count for nothing."""

    calls: frozenset[str]
    watches: frozenset[str]


def read(lines: Iterable[str]) -> Recorded:
    calls: set[str] = set()
    watches: set[str] = set()
    for line in lines:
        if line.startswith("-a never") or ",never" in line:
            continue
        for listed in re.findall(r"-S (\S+)", line):
            calls.update(listed.split(","))
        watches.update(re.findall(r"(?:-w |-F path=|-F dir=)(\S+)", line))
    return Recorded(frozenset(calls), frozenset(watches))


def lacking(loaded: Recorded) -> Mapping[str, tuple[str, ...]]:
    """What of each subject no loaded line names."""
    found: dict[str, tuple[str, ...]] = {}
    for subject, lines in SUBJECTS.items():
        wanted = read(lines)
        calls = () if "all" in loaded.calls else sorted(wanted.calls - loaded.calls)
        found[subject] = (*calls, *sorted(_unwatched(wanted.watches, loaded.watches)))
    return found


def _unwatched(wanted: frozenset[str], loaded: frozenset[str]) -> Iterable[str]:
    """A watch on a folder is one on what is in it; /var/run is another name of /run."""
    known = {path.rstrip("/").replace("/var/run/", "/run/") for path in loaded}
    for path in wanted:
        name = path.replace("/var/run/", "/run/")
        if not any(name == each or name.startswith(f"{each}/") for each in known):
            yield path
