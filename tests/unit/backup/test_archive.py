# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of a backup: what goes in comes out, and nothing else comes in."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfguard.backup.archive import ENTRIES_MAX, FORMAT, STATE, Archive, BackupError, Entry, Head, decode, encode
from wolfguard.crypto.digest import sha256

SITE = "/etc/wolfguard-gateway/wolfguard.yml"
ACCOUNT = "wolfguard-sessiond"


def archive(**files: bytes) -> Archive:
    """One with a site file, a state, and `files` below /etc."""
    contents = {SITE: b"sites: []\n", STATE: b"SQLite", **{f"/etc/{name}": text for name, text in files.items()}}
    entries = tuple(Entry(name, 0o600, ACCOUNT, ACCOUNT, len(content)) for name, content in contents.items())
    return Archive(Head(1_800_000_000, "0.1.0", 3, SITE, entries, "vpn1"), contents)


def sealed(head: object, contents: bytes, form: int = FORMAT) -> bytes:
    """A backup with a good hash, whatever its head says."""
    body = f"wolfguard-backup {form}\n".encode() + json.dumps(head).encode() + b"\n" + contents
    return body + f"sha256 {sha256(body).hex()}\n".encode()


def plain(made: Archive) -> dict[str, Any]:
    return dataclasses.asdict(made.head)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.binary(max_size=200), max_size=8))
def test_what_goes_in_comes_out(files: dict[str, bytes]) -> None:
    made = archive(**files)
    assert decode(encode(made)) == made


@given(st.binary(max_size=300), st.data())
def test_no_change_of_one_byte_passes(content: bytes, data: st.DataObject) -> None:
    whole = encode(archive(key=content))
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))
    with pytest.raises(BackupError):
        decode(whole[:place] + bytes([other]) + whole[place + 1 :])


@given(st.data())
def test_no_part_passes(data: st.DataObject) -> None:
    whole = encode(archive(key=b"sha256 " + b"0" * 64 + b"\n"))
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, len(whole)))
    if whole[begin:end] != whole:
        with pytest.raises(BackupError):
            decode(whole[begin:end])
    with pytest.raises(BackupError):
        decode(whole + b"\n")


@given(st.binary(max_size=400))
def test_any_bytes_are_refused(noise: bytes) -> None:
    for data in (noise, b"wolfguard-backup 1\n" + noise, b"wolfguard-backup 2\n" + noise):
        with pytest.raises(BackupError):
            decode(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["made", "version", "schema", "site_file", "entries", "host"]))
def test_a_head_of_another_shape_is_refused(value: object, field: str) -> None:
    good = plain(archive())
    if value != good[field]:
        for head in (value, {**good, field: value}, {**good, "other": value}):
            if (
                head == {**good, field: value}
                and field in ("made", "version", "schema", "host")
                and kind(value, good[field])
            ):
                continue
            with pytest.raises(BackupError, match="not written by wolfguard"):
                decode(sealed(head, b"sites: []\nSQLite"))


def kind(value: object, good: object) -> bool:
    return type(value) is type(good) and (not isinstance(value, int) or value >= 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "etc/passwd"),
        ("name", "/etc/../etc/passwd"),
        ("name", "/etc//passwd"),
        ("name", "/etc/"),
        ("name", "/passwd"),
        ("name", "/etc/pass\0wd"),
        ("name", SITE),
        ("mode", 0o4755),
        ("mode", 0o622),
        ("mode", -1),
        ("mode", True),
        ("owner", "root:root"),
        ("owner", ""),
        ("group", "../x"),
        ("size", 2),
        ("size", 1 << 40),
        ("size", "1"),
    ],
)
def test_an_entry_that_no_gateway_has_is_refused(field: str, value: object) -> None:
    head = plain(archive(key=b"k"))
    entries = [*head["entries"]]
    entries[2] = {**entries[2], field: value}
    with pytest.raises(BackupError, match="not written by wolfguard"):
        decode(sealed({**head, "entries": entries}, b"sites: []\nSQLitek"))


def test_neither_state_nor_site_file_may_be_missing() -> None:
    head = plain(archive())
    site, state = head["entries"]
    for entries, contents in (([site], b"sites: []\n"), ([state], b"SQLite"), ([], b"")):
        with pytest.raises(BackupError, match="not written by wolfguard"):
            decode(sealed({**head, "entries": entries}, contents))


def test_more_entries_than_a_gateway_has() -> None:
    head = plain(archive(**{f"k{number}": b"" for number in range(ENTRIES_MAX)}))
    with pytest.raises(BackupError, match=f"it has {ENTRIES_MAX + 2} entries"):
        decode(sealed(head, b"sites: []\nSQLite"))


def test_a_newer_format_is_named_before_its_hash_is_looked_at() -> None:
    with pytest.raises(BackupError, match="format 3, and this version reads up to 2: a newer version made it"):
        decode(b"wolfguard-backup 3\nwhatever a later one has")


def test_the_first_format_did_not_say_of_which_machine_it_is() -> None:
    made = archive()
    head = plain(made)
    del head["host"]
    contents = b"sites: []\nSQLite"
    assert decode(sealed(head, contents, form=1)) == dataclasses.replace(
        made, head=dataclasses.replace(made.head, host="")
    )
    for wrong, form in ((head, 2), (plain(made), 1)):
        with pytest.raises(BackupError, match="not written by wolfguard"):
            decode(sealed(wrong, contents, form))
