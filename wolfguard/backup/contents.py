# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs into a backup, and reading it from the machine.

Files are those that the site file names, the site file itself and the gateway's own keys. They are taken as they lie
there: nothing is decrypted or unwrapped. Not in it: what the machine has for the gateway (PAM, firewall, kernel), the
program, and records that have left for the journal or a file. Owns the list; must not know the archive's form.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import Final

from wolfguard.backup.archive import STATE, Archive, BackupError, Entry, Head
from wolfguard.config import load
from wolfguard.config.site import Configuration, accounting_servers
from wolfguard.crypto import own_keys

FILE_MAX: Final = 16 << 20


def gather(
    site_file: Path, configuration: Configuration, state: bytes, schema: int, *, version: str, now: int, host: str
) -> Archive:
    """`state` is a whole copy of the state file, `host` this machine's name. Raises BackupError for a file that is
    missing or cannot be read."""
    entries: list[Entry] = []
    contents: dict[str, bytes] = {}
    for path in (str(site_file), *named_files(configuration)):
        entry, content = _read(path)
        entries.append(entry)
        contents[path] = content
    account = "wolfguard-sessiond"
    entries.append(Entry(STATE, 0o600, account, account, len(state)))
    contents[STATE] = state
    return Archive(Head(now, version, schema, str(site_file), tuple(entries), host), contents)


def named_files(configuration: Configuration) -> tuple[str, ...]:
    """Certificates, keys and secrets that the site file names, and the gateway's own keys as far as they are there."""
    names: list[str] = []
    for site in configuration.sites:
        for entry in site.certificates:
            names += [entry.certificate, entry.key]
    for backend in configuration.backends:
        if radius := backend.radius:
            names += [radius.authorities, radius.certificate, radius.key]
            names += [server.secret for server in (*radius.servers, *accounting_servers(radius))]
    names += [path for path in own_files(configuration.paths.keys) if os.path.exists(path)]
    return tuple(dict.fromkeys(os.path.normpath(name) for name in names if name))


def own_files(folder: str) -> tuple[str, ...]:
    """Where the gateway's own keys are, below paths.keys."""
    names = (own_keys.CHECKPOINT, own_keys.EVIDENCE)
    return tuple(path(folder, name) for name in names for path in (own_keys.private_file, own_keys.public_file))


def read_configuration(site_file: Path) -> Configuration:
    """What the site file says, whether or not certificates are good. Raises ConfigurationError."""
    return load.objects(load.read(site_file))


def _read(path: str) -> tuple[Entry, bytes]:
    """Follows links: what is put back is a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as opened:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise BackupError(f"{path} is not a regular file; correct the site file")
            content = opened.read(FILE_MAX + 1)
    except OSError as error:
        raise BackupError(
            f"cannot read {path}: {error.strerror}; correct the site file, or bring the file back"
        ) from error
    if len(content) > FILE_MAX:
        raise BackupError(f"{path} is larger than {FILE_MAX >> 20} MiB; no certificate or key is")
    try:
        owner, group = pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid).gr_name
    except KeyError:
        raise BackupError(f"{path} belongs to nobody whom this machine knows; chown it") from None
    # Nobody but its owner writes it once it is back.
    return Entry(path, stat.S_IMODE(status.st_mode) & 0o755, owner, group, len(content)), content
