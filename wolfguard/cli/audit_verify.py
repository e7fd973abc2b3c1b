# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit verify`: whether a bundle of evidence is the one that a gateway has signed, offline.

Owns which files are read and the words; what a bundle must be is `wolfguard.audit.evidence.verify`'s.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any, Final

import click

from wolfguard.audit.evidence import verify as verifying
from wolfguard.audit.evidence.verify import BYTES_MAX, Report
from wolfguard.audit.local import Local
from wolfguard.audit.observation import Unobservable
from wolfguard.cli import output
from wolfguard.cli.audit_output import BUNDLE, sha384
from wolfguard.cli.failure import CommandError
from wolfguard.cli.keys import public_key
from wolfguard.cli.options import as_json, examples
from wolfguard.cli.records import EXITS
from wolfguard.crypto.digest import sha256
from wolfguard.crypto.signing import verify_p384
from wolfguard.records.verifier import SOUND, UNDECIDED, UNSOUND

FILES_MAX: Final = 64
MEANINGS: Final = {
    SOUND: "sound: nothing is missing or changed, and the key has signed it",
    UNSOUND: "NOT SOUND",
    UNDECIDED: "undecided: nothing contradicts it, but nobody has signed it",
}


@click.command(
    epilog=examples(
        ("wolfguard audit verify audit-today --key evidence.pub", "the bundle and every report beside it"),
        ("wolfguard audit verify bundle.jsonl --key evidence.pub --json", "the bundle alone, for a program"),
    )
)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--key", "key_file", required=True, type=click.Path(path_type=Path), help="Public key of the gateway's evidence."
)
@as_json
def verify(bundle: Path, key_file: Path, as_json: bool) -> None:
    """Verify the evidence of an audit: BUNDLE is the file bundle.jsonl, or the folder with the reports beside it.

    Needs nothing but the public key: evidence.pub below paths.keys of the gateway, which was copied away before. Names
    each piece of evidence that was changed, is missing or was added, a bundle that was cut off or written anew, reports
    that are not those that were signed, and a signature that is not by this key.

    Exit code 0 means sound, 8 not sound, 7 that nobody has signed it.
    """
    try:
        spki = public_key(key_file, "evidence is signed with")
        content, beside = _read(bundle)
    except CommandError as error:
        error.as_json = as_json
        raise
    key = sha256(spki).hex()
    found = verifying.verify(content, beside, key, lambda data, value: verify_p384(spki, data, value), sha384)
    if as_json:
        output.print_json(_plain(found, key))
    else:
        output.print_lines(_lines(found, str(bundle), key))
    sys.exit(EXITS[found.verdict])


def _read(place: Path) -> tuple[bytes, dict[str, bytes]]:
    """The bundle, and what lies beside it in its folder. Raises CommandError."""
    here = Local()
    if not place.is_dir():
        return _file(here, place), {}
    content = _file(here, place / BUNDLE)
    try:
        names = [name for name in here.listing(str(place.absolute())) if name != BUNDLE]
    except Unobservable as error:
        raise CommandError(str(error)) from None
    if len(names) > FILES_MAX:
        raise CommandError(f"{place} holds more than {FILES_MAX} files: it is no folder of an audit")
    return content, {name: _file(here, place / name) for name in names if (place / name).is_file()}


def _file(here: Local, file: Path) -> bytes:
    try:
        return here.read(str(file.absolute()), BYTES_MAX)
    except Unobservable as error:
        raise CommandError(str(error)) from None


def _plain(found: Report, key: str) -> dict[str, Any]:
    facts = {field.name: getattr(found, field.name) for field in dataclasses.fields(found) if field.name != "document"}
    return {
        "verdict": found.verdict,
        "key": key,
        **facts,
        "faults": [dataclasses.asdict(each) for each in found.faults],
    }


def _lines(found: Report, name: str, key: str) -> list[str]:
    """Faults first."""
    shown = [f"{output.plain(fault.text)} [{fault.kind}]" for fault in found.faults]
    if found.found > len(found.faults):
        shown.append(f"... and {found.found - len(found.faults)} more")
    rows: list[tuple[str, object]] = [
        ("bundle", name),
        ("key", key),
        ("audit", f"{found.place}, profile {found.profile}, {found.ended}" if found.place else ""),
        ("evidence", found.evidence),
        ("reports", ", ".join(found.files) or "none here"),
    ]
    if found.elsewhere:
        rows.append(("not here", ", ".join(found.elsewhere)))
    if found.unsigned_because:
        rows.append(("signature", f"NOT SIGNED: {found.unsigned_because}"))
    rows.append(("verdict", MEANINGS[found.verdict]))
    return [*shown, *([""] if shown else []), *output.pairs(rows)]
