# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard restore`: a gateway becomes again what it was when a backup was made."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from wolfguard.backup import archive, contents
from wolfguard.backup.archive import STATE, Archive, BackupError
from wolfguard.backup.placing import Placed, check_accounts, place
from wolfguard.cli import output
from wolfguard.cli.backup import described, require_root
from wolfguard.cli.failure import CommandError
from wolfguard.cli.options import as_json, examples
from wolfguard.config import load
from wolfguard.config.document import parse
from wolfguard.config.site import Configuration
from wolfguard.errors import LocalError
from wolfguard.procs.supervisor import places
from wolfguard.store.sqlite_copy import judge, mark_restored, settle

KEEPER: Final = "wolfguard-sessiond"


@click.command(
    epilog=examples(
        ("sudo wolfguard restore --check /srv/gateway.backup", "whether it is whole, and what is in it"),
        ("sudo wolfguard restore /srv/gateway.backup", "puts all of it back, while no gateway runs"),
        ("sudo wolfguard restore --of vpn1 /srv/vpn1.backup", "on a machine that takes the place of vpn1"),
    )
)
@click.argument("file", type=click.Path())
@click.option("--check", is_flag=True, help="Only look at the backup; nothing is changed.")
@click.option("--of", "host", metavar="HOST", help="Take a backup of the machine HOST, which this one replaces.")
@as_json
def command(file: str, check: bool, host: str | None, as_json: bool) -> None:
    """Put back what is in the backup FILE (- for standard input): state, site file, certificates, keys, secrets.

    The gateway must not run, and the backup has to be of a machine with this one's name, or of the one that --of names:
    there must not be two gateways with the same keys and sessions. Everything that can be wrong with the backup is
    looked at before anything is changed; then all of it is put back, or none. What is true afterwards is what was true
    then: sessions that have ended since, users that were removed and passwords that were changed are back. The next
    start records that, as gateway.restored.
    """
    require_root(as_json, "a backup has private keys" if check else "a restore writes private keys")
    try:
        found = archive.decode(_read(file))
        _require_host(found.head.host, host)
        configuration = _configuration(found)
        with tempfile.TemporaryDirectory(prefix="wolfguard-restore-") as folder:
            state = Path(folder) / "state"
            state.write_bytes(found.contents[STATE])
            judge(state)
            if not check:
                mark_restored(state, found.head.made)
                _restore(found, configuration, state.read_bytes())
    except LocalError as error:
        raise CommandError(str(error), as_json=as_json) from error
    if as_json:
        output.print_json({"restored": not check, **described(found.head)})
    else:
        output.print_lines(_lines(found, check))


def _read(file: str) -> bytes:
    try:
        with sys.stdin.buffer if file == "-" else open(file, "rb") as opened:
            data = opened.read(archive.SIZE_MAX + 1)
    except OSError as error:
        raise BackupError(f"cannot read {file}: {error.strerror}") from error
    if len(data) > archive.SIZE_MAX:
        raise BackupError(f"{file} is larger than {archive.SIZE_MAX >> 20} MiB; no backup of wolfguard is")
    return data


def _require_host(made_on: str, named: str | None) -> None:
    """A backup of format 1 does not say where it was made. Raises BackupError."""
    here = socket.gethostname()
    if made_on and made_on != (named or here):
        raise BackupError(
            f"this backup is of {output.plain(made_on)}, and "
            f"{f'--of names {output.plain(named)}' if named else f'this machine is {here}'}; "
            f"name another backup, or, where this machine takes that one's place, --of {output.plain(made_on)}"
        )


def _configuration(found: Archive) -> Configuration:
    """Of the site file in the backup, as this version understands it. Raises LocalError."""
    content = found.contents[found.head.site_file]
    configuration = load.objects(parse(content, f"{found.head.site_file} in the backup"))
    named = {found.head.site_file, STATE, *contents.named_files(configuration)}
    named.update(contents.own_files(configuration.paths.keys))
    for entry in found.head.entries:
        if entry.name not in named:
            raise BackupError(f"the backup has {entry.name}, which its own site file does not name; use another copy")
    return configuration


def _restore(found: Archive, configuration: Configuration, state: bytes) -> None:
    check_accounts((entry.owner, entry.group) for entry in found.head.entries)
    places.make_state(configuration, KEEPER)
    target = Path(configuration.paths.state_file)
    held = places.lock(configuration.paths.state, "paths.state")
    try:
        settle(target)
        place(
            Placed(
                str(target) if entry.name == STATE else entry.name,
                state if entry.name == STATE else found.contents[entry.name],
                entry.mode,
                entry.owner,
                entry.group,
            )
            for entry in found.head.entries
        )
    finally:
        os.close(held)


def _lines(found: Archive, check: bool) -> list[str]:
    head = found.head
    rows = [(entry.name if entry.name != STATE else "the state", output.size(entry.size)) for entry in head.entries]
    made = f"made {output.moment(head.made)} UTC by version {output.plain(head.version)}"
    made += f" on {output.plain(head.host)}" if head.host else ""
    if check:
        return [f"The backup is whole, {made}:", *output.table(("file", "size"), rows, right=("size",))]
    return [f"Put back {output.count(len(head.entries) - 1, 'file')} and the state, {made}.", "Start the gateway now."]
