# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of a backup: bytes to an archive and back. No file, clock or database here.

    wolfguard-backup FORMAT\\n          FORMAT is a number; a reader knows those up to its own
    {"made": ..., "entries": ...}\\n    one line of JSON: what is in it, in the order of the contents; "host" since
                                      format 2
    contents, one behind the other
    sha256 HEX\\n                       over everything before this line

The hash is there for accidents, not for adversaries: who can write a backup can write its hash. What a backup says of
itself is checked before anything of it is used, so that nothing of a damaged one is ever half restored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from wolfguard.crypto.digest import sha256
from wolfguard.errors import LocalError

FORMAT: Final = 2
SIZE_MAX: Final = 1 << 30
HEAD_MAX: Final = 1 << 20
ENTRIES_MAX: Final = 4096
STATE: Final = "state"
"""Name of the one entry that is no file by its path: the copy of the state."""

_FIRST = re.compile(rb"wolfguard-backup ([0-9]{1,9})\n")
_TRAILER = re.compile(rb"sha256 ([0-9a-f]{64})\n\Z")
_TRAILER_BYTES: Final = len("sha256 ") + 64 + 1
_HEAD: Final[Mapping[str, type]] = {"made": int, "version": str, "schema": int, "site_file": str, "entries": list}
_HEAD_SINCE_2: Final[Mapping[str, type]] = {"host": str}
_ENTRY: Final[Mapping[str, type]] = {"name": str, "mode": int, "owner": str, "group": str, "size": int}
_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,31}\Z")


class BackupError(LocalError):
    """A backup that cannot be used or made; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `name` is its absolute path, or STATE; `mode` its permissions, `owner` and `group` names."""

    name: str
    mode: int
    owner: str
    group: str
    size: int


@dataclass(frozen=True, slots=True)
class Head:
    """`made` is Unix time, `version` of the program that made it, `schema` that of the state, `site_file` a path among
    the entries, `host` the name of the machine ("" where the backup does not say)."""

    made: int
    version: str
    schema: int
    site_file: str
    entries: tuple[Entry, ...]
    host: str = ""


@dataclass(frozen=True, slots=True)
class Archive:
    head: Head
    contents: Mapping[str, bytes]
    """By the names of the entries."""


def encode(archive: Archive) -> bytes:
    """Raises BackupError when it would be larger than a reader takes."""
    head = json.dumps(asdict(archive.head), separators=(",", ":")).encode()
    parts = [f"wolfguard-backup {FORMAT}\n".encode(), head, b"\n"]
    parts += [archive.contents[entry.name] for entry in archive.head.entries]
    if len(head) > HEAD_MAX or sum(map(len, parts)) + _TRAILER_BYTES > SIZE_MAX:
        raise BackupError(f"the backup would be larger than {SIZE_MAX >> 20} MiB; copy the files while it is stopped")
    body = b"".join(parts)
    return body + f"sha256 {sha256(body).hex()}\n".encode()


def decode(data: bytes) -> Archive:
    """Raises BackupError for whatever is not one whole, unchanged backup of a known format."""
    first = _FIRST.match(data)
    if first is None:
        raise BackupError("this is not a backup of wolfguard; name a file that `wolfguard backup` has written")
    if int(first[1]) > FORMAT:
        raise BackupError(
            f"this backup has format {int(first[1])}, and this version reads up to {FORMAT}: a newer version made it, "
            "restore it with that one"
        )
    trailer = _TRAILER.match(data, max(len(data) - _TRAILER_BYTES, 0))
    if trailer is None:
        raise BackupError("this backup is cut off: its end is missing; use another copy")
    body = memoryview(data)[:-_TRAILER_BYTES]
    if sha256(bytes(body)).hex().encode() != trailer[1]:
        raise BackupError("this backup was changed or damaged: its hash does not hold; use another copy")
    end = data.find(b"\n", first.end(), first.end() + HEAD_MAX + 1)
    if end < 0:
        raise _unreadable("it has no head")
    head = _head(data[first.end() : end], int(first[1]))
    contents: dict[str, bytes] = {}
    place = end + 1
    for entry in head.entries:
        contents[entry.name] = bytes(body[place : place + entry.size])
        place += entry.size
    if place != len(body):
        raise _unreadable("its contents have another length than its head says")
    return Archive(head, contents)


def _head(line: bytes, form: int) -> Head:
    try:
        value = json.loads(line)
    except ValueError:
        raise _unreadable("its head is not JSON") from None
    fields = _fields(value, _HEAD if form < 2 else {**_HEAD, **_HEAD_SINCE_2})
    if not 0 < len(fields["entries"]) <= ENTRIES_MAX:
        raise _unreadable(f"it has {len(fields['entries'])} entries")
    entries = tuple(_entry(each) for each in fields["entries"])
    names = [entry.name for entry in entries]
    if len(set(names)) != len(names) or STATE not in names or fields["site_file"] not in names:
        raise _unreadable("an entry is there twice, or state or site file are missing")
    return Head(**{**fields, "entries": entries})


def _entry(value: Any) -> Entry:
    entry = Entry(**_fields(value, _ENTRY))
    path = entry.name.split("/")
    if entry.name != STATE and (path[0] or len(path) < 3 or {"", ".", ".."} & set(path[1:]) or "\0" in entry.name):
        raise _unreadable("an entry's name is no absolute path of a file below a folder")
    if entry.mode & ~0o777 or entry.mode & 0o022 or not 0 <= entry.size <= SIZE_MAX:
        raise _unreadable("an entry's mode or size is none that a gateway's file has")
    if not _ACCOUNT.match(entry.owner) or not _ACCOUNT.match(entry.group):
        raise _unreadable("an entry's owner is no name of an account")
    return entry


def _fields(value: Any, kinds: Mapping[str, type]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != kinds.keys():
        raise _unreadable("its head has not the fields of this format")
    for name, kind in kinds.items():
        if type(value[name]) is not kind or (kind is int and value[name] < 0):
            raise _unreadable("its head has not the fields of this format")
    return value


def _unreadable(why: str) -> BackupError:
    return BackupError(f"this backup was not written by wolfguard: {why}; use another copy")
