# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder that `wolfguard audit run --output` leaves behind: the result in every format, and the bundle that vouches
for all of them.

Owns names and modes of the files, and asking the gateway for its signature. Where there is none the bundle says why.
"""

from __future__ import annotations

import base64
import os
from functools import partial
from pathlib import Path
from typing import Any, Final

from wolfguard.audit import kept
from wolfguard.audit.canonical import canonical
from wolfguard.audit.evidence import bundle, dsse
from wolfguard.audit.evidence.dsse import Signature
from wolfguard.audit.observation import Unobservable
from wolfguard.audit.report import hdf, html, junit, oscal, terminal
from wolfguard.audit.report import json as json_report
from wolfguard.audit.result import Audit
from wolfguard.cli import audit_sbom
from wolfguard.cli.audit_subject import Beside
from wolfguard.cli.failure import CommandError
from wolfguard.crypto.digest import digest, sha256
from wolfguard.crypto.public_key import from_pem
from wolfguard.crypto.signing import verify_p384
from wolfguard.errors import LocalError

BUNDLE: Final = "bundle.jsonl"
RESULT: Final = bundle.RESULT
SUMMARY: Final = "summary.json"
"""Beside the folders of several machines."""
TEXT: Final = "report.txt"
PAGE: Final = "report.html"
REPORTS: Final = {
    "junit.xml": junit.render,
    "hdf.json": hdf.render,
    "oscal-assessment-results.json": oscal.render,
}
"""Writers by the names of their files."""

sha384: Final = partial(digest, "sha384")


def prepare(folder: Path, as_json: bool) -> None:
    """Before anything is looked at, so that no audit is lost for want of a folder. Raises CommandError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = (RESULT, BUNDLE, TEXT, PAGE, audit_sbom.FILE, *REPORTS)
        taken = [name for name in names if (folder / name).exists()]
    except OSError as error:
        raise CommandError(f"{folder} cannot be made ({error.strerror})", as_json=as_json) from None
    if taken:
        raise CommandError(f"{folder / taken[0]} is there already; name another folder", as_json=as_json)


def write(folder: Path, found: Audit, beside: Beside) -> list[str]:
    """Every file; comes back with lines that say what there is now. Raises CommandError."""
    missing: list[str] = []
    document = json_report.document(found)
    encoded = canonical(document)
    text = "".join(f"{line}\n" for line in terminal.render(found, everything=True)).encode()
    # of the kept bytes, so that a report made of them later is the same
    result = kept.parse(encoded, RESULT)
    files = {TEXT: text, PAGE: html.render(result), **reports(result)}
    try:
        files[audit_sbom.FILE] = beside.parts(found.ended)
    except (LocalError, Unobservable) as error:
        # the audit itself is worth more than the list of parts
        missing.append(f"no bill of materials: {error}")
    made = bundle.chain(document, sha384)
    statement = bundle.stated(document, made, files, sha384)
    signature, told = _signed(statement.encode(), beside, f"audit of {found.place}, profile {found.profile.name}")
    if signature is None:
        # the page that people read must say so itself
        files[PAGE] = html.render(result, told)
        statement = bundle.stated(document, made, files, sha384)
    files[BUNDLE] = bundle.encode(made, statement, signature, "" if signature else told)
    for name, content in {RESULT: encoded, **files}.items():
        keep(folder / name, content)
    return [
        *missing,
        f"result: {folder / RESULT}, SHA-256 {sha256(encoded).hex()}",
        f"bundle: {folder / BUNDLE}, {'' if signature else 'NOT SIGNED: '}{told}",
    ]


def reports(result: kept.Kept) -> dict[str, bytes]:
    """Every format that is made from a kept result, by the name of its file."""
    return {name: render(result) for name, render in REPORTS.items()}


def _signed(payload: bytes, beside: Beside, subject: str) -> tuple[Signature | None, str]:
    """The gateway's signature, and what is to be said of it."""
    data = dsse.pae(payload)
    try:
        with beside.ask() as client:
            answer = client.ask("POST", "/v1/evidence/sign", {"digest": sha384(data).hex(), "subject": subject})
        return _checked(answer, data)
    except CommandError as error:
        return None, f"{error.message}"


def _checked(answer: dict[str, Any], data: bytes) -> tuple[Signature | None, str]:
    """A signature that does not hold is better not kept."""
    try:
        spki = from_pem(str(answer["public_key"]).encode())
        keyid, value = sha256(spki).hex(), base64.b64decode(str(answer["signature"]), validate=True)
    except (KeyError, ValueError, LocalError):
        return None, "what the gateway answered is no signature"
    if keyid != answer["keyid"] or not verify_p384(spki, data, value):
        return None, "the gateway's signature does not hold with the key that it names"
    return Signature(keyid, value), f"signed by the gateway's evidence key {keyid[:16]}..."


def keep(file: Path, content: bytes) -> None:
    """For the owner alone: what was seen helps an attacker too."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as stream:
            stream.write(content)
    except OSError as error:
        raise CommandError(f"{file} cannot be written ({error.strerror})") from None
