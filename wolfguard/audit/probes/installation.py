# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of this installation beside the list that came with the package (RECORD of the PyPA's
"Recording installed projects").

The list lies beside what it lists: who can change both is not found. It finds what an update left half done, a disk has
lost or somebody has patched by hand."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.place import Kind, Missing, Place, text
from wolfguard.audit.probes.files import is_loose, some
from wolfguard.audit.vantage import Vantage
from wolfguard.crypto.digest import sha256

FILE_MAXIMUM: Final = 64 * 1024 * 1024
_PACKAGE: Final = "wolfguard"
_DISTRIBUTION: Final = "wolfguard_gateway-"
_COMPILED: Final = "/__pycache__/"


def files(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Raises Unobservable where the package was not installed by pip."""
    place, root = vantage.place, vantage.installation()
    record = _record(place, root)
    listed = {f"{root}/{path}": wanted for path, wanted in record.items()}
    changed = [path for path, content in place.reads(listed, FILE_MAXIMUM) if not _is_listed(content, listed[path])]
    package = f"{root}/{_PACKAGE}"
    there = place.walk(package)
    unlisted = [
        path for path, facts in there if facts.kind is not Kind.FOLDER and path not in listed and _COMPILED not in path
    ]
    loose = [path for path, facts in there if facts.kind is not Kind.LINK and is_loose(facts)]
    seen = {"changed": some(changed), "unlisted": some(unlisted), "loose": some(loose)}
    return Observation(seen, f"RECORD of {len(record)} files in {root}")


def _record(place: Place, root: str) -> dict[str, str]:
    """SHA-256 of each file, in the list's own form; what has none (the list itself, compiled code) is left out."""
    names = [name for name in place.listing(root) if name.startswith(_DISTRIBUTION) and name.endswith(".dist-info")]
    if len(names) != 1:
        raise Unobservable(f"{root} holds {len(names)} lists of installed files; install the package with pip")
    rows = csv.reader(io.StringIO(text(place, f"{root}/{names[0]}/RECORD")))
    return dict(_hashed(rows))


def _hashed(rows: Iterator[list[str]]) -> Iterator[tuple[str, str]]:
    for row in rows:
        if len(row) == 3 and row[1].startswith("sha256=") and ".." not in row[0].split("/"):
            yield row[0], row[1].removeprefix("sha256=")


def _is_listed(content: bytes | Unobservable, wanted: str) -> bool:
    if isinstance(content, Unobservable):
        if isinstance(content, Missing):
            return False
        raise content
    return base64.urlsafe_b64encode(sha256(content)).rstrip(b"=").decode() == wanted
