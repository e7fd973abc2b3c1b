# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard backup`: everything that a gateway is beside its program, in one file."""

from __future__ import annotations

import os
import re
import socket
import stat
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Final

import click

from wolfguard.backup import archive, contents
from wolfguard.backup.archive import STATE, BackupError, Head
from wolfguard.cli import output
from wolfguard.cli.client import Client
from wolfguard.cli.failure import NOT_PERMITTED, NOT_RUNNING, CommandError
from wolfguard.cli.options import as_json, examples, site_file, socket_path
from wolfguard.cli.version import DISTRIBUTION
from wolfguard.config.site import Configuration
from wolfguard.errors import LocalError
from wolfguard.procs.supervisor import places
from wolfguard.store.sqlite_copy import copy_resting, judge

_COPY: Final = re.compile(r"[A-Za-z0-9.]+\.copy-[0-9]+\Z")


@click.command(
    epilog=examples(
        ("sudo wolfguard backup /srv/gateway.backup", "of a gateway that runs, or of one that does not"),
        (
            "sudo wolfguard backup - | gpg --encrypt -r backup@example.org >gateway.backup.gpg",
            "nothing in the clear on disk",
        ),
    )
)
@click.argument("target", metavar="FILE")
@site_file
@socket_path
@as_json
def command(target: str, file: Path, socket_path: Path, as_json: bool) -> None:
    """Write a backup to FILE, which must not be there yet, or to standard output (-).

    In it are users, sessions with their addresses, lockouts and the newest records as they are at one moment; the site
    file; the certificates, private keys and secrets that it names; and the gateway's own keys. Keys are in it as they
    lie on the machine, in the clear: FILE is for root alone, and whoever takes it away encrypts it. Not in it: the
    program, what the machine has for it, and records that have left for the journal.
    """
    require_root(as_json, "a backup reads private keys")
    try:
        data, head = _make(file, socket_path, as_json)
        if target == "-":
            _print(data)
            return
        _write(Path(target), data)
    except LocalError as error:
        raise CommandError(str(error), as_json=as_json) from error
    if as_json:
        output.print_json({"file": target, "bytes": len(data), **described(head)})
    else:
        files = output.count(len(head.entries) - 1, "file")
        click.echo(f"Wrote {output.plain(target)}: {output.size(len(data))}, {files} and the state.")


def require_root(as_json: bool, why: str) -> None:
    """Raises CommandError."""
    if os.geteuid() != 0:
        raise CommandError(f"{why}; use sudo", exit_code=NOT_PERMITTED, code="not_root", as_json=as_json)


def described(head: Head) -> dict[str, object]:
    """What is in a backup, for programs."""
    return {
        "made": head.made,
        "version": head.version,
        "schema": head.schema,
        "site_file": head.site_file,
        "host": head.host,
        "files": [entry.name for entry in head.entries if entry.name != STATE],
    }


def _make(file: Path, socket_path: Path, as_json: bool) -> tuple[bytes, Head]:
    file = file.absolute()
    configuration = contents.read_configuration(file)
    with tempfile.TemporaryDirectory(prefix="wolfguard-backup-") as folder:
        copy = Path(folder) / "state"
        try:
            with Client(socket_path, as_json=as_json) as client:
                name = client.ask("POST", "/v1/state/copy")["file"]
            copy.write_bytes(_take(configuration, name))
        except CommandError as error:
            if error.exit_code != NOT_RUNNING:
                raise
            _copy_resting(configuration, copy)
        schema = judge(copy)
        made = contents.gather(
            file,
            configuration,
            copy.read_bytes(),
            schema,
            version=metadata.version(DISTRIBUTION),
            now=int(time.time()),
            host=socket.gethostname(),
        )
    return archive.encode(made), made.head


def _take(configuration: Configuration, name: str) -> bytes:
    """The running gateway's copy, which goes. Its folder is sessiond's: nothing but a plain file of it is believed."""
    path = Path(configuration.paths.state) / name
    if not _COPY.match(name):
        raise BackupError("the gateway's answer names no copy of its state; is it of another version?")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as opened:
            status, folder = os.fstat(descriptor), os.stat(path.parent)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != folder.st_uid or status.st_nlink != 1:
                raise BackupError(f"{path} is not the copy that the gateway has made; look who wrote it")
            data = opened.read(archive.SIZE_MAX + 1)
        path.unlink()
    except OSError as error:
        raise BackupError(
            f"cannot read {path}: {error.strerror}; does --config name the gateway's site file?"
        ) from error
    return data


def _copy_resting(configuration: Configuration, copy: Path) -> None:
    held = places.lock(configuration.paths.state, "paths.state")
    try:
        copy_resting(Path(configuration.paths.state_file), copy)
    finally:
        os.close(held)


def _print(data: bytes) -> None:
    if sys.stdout.isatty():
        raise CommandError("a backup is no text for a terminal; name a FILE, or redirect standard output")
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _write(file: Path, data: bytes) -> None:
    """Whole, on disk and for root alone, or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with open(descriptor, "wb") as opened:
                os.fchmod(descriptor, 0o600)
                opened.write(data)
                opened.flush()
                os.fsync(descriptor)
            # Unlike a rename, a link takes nobody's place.
            os.link(partial, file)
        finally:
            partial.unlink()
    except FileExistsError:
        raise BackupError(f"{file} is there already; name another file") from None
    except OSError as error:
        raise BackupError(f"cannot write {file}: {error.strerror}") from error
