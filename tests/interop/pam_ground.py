# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine's PAM for one gateway: accounts, service files and scripts in an /etc of its own.

The gateway runs in a mount namespace in which that copy lies over /etc, so that nothing of this machine changes and
modules work as anywhere else: pam_unix on real shadow entries, pam_pwdfile, pam_oath, and pam_exec with scripts that
hang, crash and flood, and that note, refuse or do not let go of sessions.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

PASSWORD: Final = "correct horse"
SECRET: Final = "3132333435363738393031323334353637383930"
FIRST_ID: Final = 64_000
HANG_SECONDS: Final = 60

_SCRIPTS: Final = {
    "check": 'read -r password; [ "$password" = "correct horse" ]',
    "hang": f"exec sleep {HANG_SECONDS}",
    "crash": "kill -SEGV $PPID; sleep 5",
    "flood": "exec yes 'a line of text that nobody wants'",
    "note": 'echo "$PAM_TYPE $PAM_SERVICE $PAM_USER $PAM_RHOST $PAM_TTY $WOLFGUARD_SITE" >>/etc/noted',
    "stay": '[ "$PAM_TYPE" = open_session ] || exec sleep 60',
}
SESSIONS: Final = ("note", "refuse", "stay")
"""Ways of the session phase, each with a service of its name behind pam_unix."""


def services() -> dict[str, str]:
    """Service files by name."""
    run = {
        name: f"pam_exec.so quiet expose_authtok {'stdout ' if name == 'flood' else ''}/etc/{name}" for name in _SCRIPTS
    }
    sessions = {
        f"wg-{name}": f"auth required pam_unix.so nodelay\naccount required pam_unix.so\n"
        f"session required {'pam_deny.so' if name == 'refuse' else f'pam_exec.so quiet /etc/{name}'}\n"
        for name in SESSIONS
    }
    permit = "account required pam_permit.so\nsession required pam_permit.so\n"
    return {
        "wg-unix": "auth required pam_unix.so nodelay\naccount required pam_unix.so\n"
        "password required pam_unix.so minlen=8\nsession required pam_permit.so\n",
        "wg-held": "auth required pam_unix.so nodelay\naccount required pam_unix.so\nsession required pam_permit.so\n",
        "wg-pwdfile": f"auth required pam_pwdfile.so nodelay pwdfile=/etc/wg.pwd\n{permit}",
        "wg-oath": "auth requisite pam_pwdfile.so nodelay pwdfile=/etc/wg.pwd\n"
        f"auth required pam_oath.so usersfile=/etc/wg.oath window=5 digits=6\n{permit}",
        **{
            f"wg-{name}": f"auth required {line}\nauth required pam_permit.so\n{permit}"
            for name, line in run.items()
            if name not in SESSIONS
        },
        **sessions,
    }


def lay(folder: Path) -> Sequence[str]:
    """Makes the private /etc below `folder`; returns what to run the gateway with."""
    etc = folder / "etc"
    if not etc.exists():
        etc.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree("/etc", etc, symlinks=True, ignore_dangling_symlinks=True)
        for name, text in services().items():
            (etc / "pam.d" / name).write_text(text)
        for name, text in _SCRIPTS.items():
            (etc / name).write_text(f"#!/bin/sh\n{text}\n")
            (etc / name).chmod(0o755)
        hashed = crypted(PASSWORD)
        accounts = {
            name: (hashed, changed) for name, changed in (("pia", 19_000), ("otto", 0), ("nora", 0), ("emil", 19_000))
        }
        accounts["paul"] = ("!", 19_000)
        add_accounts(etc, accounts, closed=("emil",))
        (etc / "wg.pwd").write_text(f"paul:{hashed}\n")
        (etc / "wg.oath").write_text(f"HOTP/T30/6 paul - {SECRET}\n")
        (etc / "wg.oath").chmod(0o600)
    script = 'mount --bind "$0" /etc && exec "$@"'
    return ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, str(etc))


def noted(folder: Path) -> list[str]:
    """What the script "note" has seen, below the folder that `lay` was given: a line a session opened or closed."""
    file = folder / "etc" / "noted"
    return file.read_text().splitlines() if file.exists() else []


def add_accounts(etc: Path, accounts: dict[str, tuple[str, int]], closed: Collection[str] = ()) -> None:
    """Real local accounts: name -> hash and day of the last change of the password (0: a new one is due); those of
    `closed` have expired long ago.

    Each is in one group a service, of the name that the service has without its "wg-".
    """
    passwd, shadow, group = ((etc / name).open("a") for name in ("passwd", "shadow", "group"))
    with passwd, shadow, group:
        for number, (name, (hashed, changed)) in enumerate(accounts.items(), FIRST_ID):
            passwd.write(f"{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n")
            shadow.write(f"{name}:{hashed}:{changed}:0:99999:7::{19_001 if name in closed else ''}:\n")
            group.write(f"{name}:x:{number}:\n")
        for number, service in enumerate(services(), FIRST_ID + 100):
            group.write(f"{service.removeprefix('wg-')}:x:{number}:{','.join(accounts)}\n")


def crypted(password: str) -> str:
    command = ["openssl", "passwd", "-6", "-stdin"]
    return subprocess.run(command, input=password, capture_output=True, text=True, check=True).stdout.strip()


def code() -> str:
    """The one-time password of now."""
    return subprocess.run(["oathtool", "--totp", SECRET], capture_output=True, text=True, check=True).stdout.strip()
