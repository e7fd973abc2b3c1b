# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles that somebody has laid hands on: each way has a name of its own, and one change is one finding."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.unit.audit import sample
from tests.unit.records.trails import Key
from wolfguard.audit import kept
from wolfguard.audit.canonical import canonical
from wolfguard.audit.evidence import bundle, dsse
from wolfguard.audit.evidence.dsse import Signature, Statement
from wolfguard.audit.evidence.verify import Report, verify
from wolfguard.audit.report.json import document
from wolfguard.crypto.digest import digest

KEY = Key()
FILES = {"report.txt": b"what was seen\n", "report.html": b"<p>the same"}


def sha384(data: bytes) -> bytes:
    return digest("sha384", data)


def made(key: Key | None = KEY, files: Mapping[str, bytes] = FILES, said: dict[str, Any] | None = None) -> bytes:
    found = said or document(sample.audit())
    chain = bundle.chain(found, sha384)
    statement = bundle.stated(found, chain, files, sha384)
    return bundle.encode(chain, statement, None if key is None else signed(key, statement), "nobody was there")


def signed(key: Key, statement: Statement) -> Signature:
    return Signature(key.fingerprint, key.sign(dsse.pae(statement.encode())))


def verified(content: bytes, files: Mapping[str, bytes] = FILES, key: Key = KEY) -> Report:
    return verify(content, files, key.fingerprint, key.verify, sha384)


def kinds(report: Report) -> list[str]:
    return [fault.kind for fault in report.faults]


def with_line(content: bytes, number: int, change: Callable[[dict[str, Any]], None]) -> bytes:
    """Line `number` (from 1) changed, and written as canonically as before."""
    lines = content.splitlines()
    value = json.loads(lines[number - 1])
    change(value)
    lines[number - 1] = canonical(value)
    return b"".join(line + b"\n" for line in lines)


def test_a_sound_bundle() -> None:
    report = verified(made())
    assert (report.verdict, report.faults, report.signed) == ("sound", [], True)
    assert (report.place, report.profile, report.ended) == ("gateway-1", "sample", "2026-11-26T12:00:07Z")
    assert (report.evidence, report.files, report.elsewhere) == (
        9, ("report.html", "report.txt"), ("result.json",),
    )  # fmt: skip
    assert report.document == document(sample.audit())


def test_it_can_be_read_as_the_result_that_it_is_of() -> None:
    assert kept.parse(made(), "a bundle") == kept.parse(canonical(document(sample.audit())), "a result")


def test_without_a_signature_nobody_vouches_for_it() -> None:
    report = verified(made(None))
    assert (report.verdict, report.faults, report.unsigned_because) == ("undecided", [], "nobody was there")


def test_a_signature_that_was_taken_away() -> None:
    def change(line: dict[str, Any]) -> None:
        line["seal"]["signatures"] = []

    assert verified(with_line(made(), 10, change)).verdict == "undecided"


def test_another_key() -> None:
    report = verified(made(Key()))
    assert (report.verdict, kinds(report)) == ("unsound", ["foreign-key"])


def test_a_signature_that_only_claims_to_be_by_the_key() -> None:
    def change(line: dict[str, Any]) -> None:
        line["seal"]["signatures"][0]["sig"] = base64.b64encode(Key().sign(b"something else")).decode()

    report = verified(with_line(made(), 10, change))
    assert (report.verdict, kinds(report)) == ("unsound", ["bad-signature"])


@pytest.mark.parametrize("line", range(1, 10))
def test_evidence_that_was_changed_is_named(line: int) -> None:
    def change(link: dict[str, Any]) -> None:
        link["body"]["state" if line > 1 else "bundle"] = "pass "

    report = verified(with_line(made(), line, change))
    assert (report.verdict, kinds(report)) == ("unsound", ["changed"])
    assert f"evidence {line - 1}" in report.faults[0].text
    assert line == 1 or sample.RULES[line - 2].id in report.faults[0].text


def test_a_link_with_its_hash_computed_anew_does_not_fit_the_next() -> None:
    def change(link: dict[str, Any]) -> None:
        link["body"]["state"] = "pass"
        del link["hash"]
        link["hash"] = sha384(canonical(link)).hex()

    report = verified(with_line(made(), 5, change))
    assert kinds(report) == ["unlinked"]
    assert "evidence 5 (host/selinux) does not follow" in report.faults[0].text


def test_a_chain_that_was_written_anew_meets_the_seal() -> None:
    other = document(sample.audit())
    other["findings"][3]["state"] = "pass"
    seal = made().splitlines()[-1]
    report = verified(b"\n".join([*made(said=other).splitlines()[:-1], seal, b""]))
    assert kinds(report) == ["contradicted"]


def test_a_statement_that_was_written_anew_has_no_signature() -> None:
    other = document(sample.audit())
    other["findings"][3]["state"] = "pass"
    theirs, ours = made(None, said=other), made()

    def change(line: dict[str, Any]) -> None:
        line["seal"]["signatures"] = json.loads(ours.splitlines()[-1])["seal"]["signatures"]
        line["remark"] = ""

    assert kinds(verified(with_line(theirs, 10, change))) == ["bad-signature"]


def test_what_stands_beside_the_seal_unsigned_is_named() -> None:
    for change in ({"remark": "signed by the ministry"}, {"remark": "", "more": 1}):
        assert kinds(verified(with_line(made(), 10, lambda line, new=change: line.update(new)))) == ["malformed"]  # type: ignore[misc]


@pytest.mark.parametrize("number", range(9))
def test_a_link_that_was_taken_out(number: int) -> None:
    lines = made().splitlines()
    del lines[number]
    found = verified(b"".join(line + b"\n" for line in lines))
    assert found.verdict == "unsound"
    expected = {0: ["missing", "malformed"], 8: ["truncated"]}.get(number, ["missing"])
    assert kinds(found) == expected


@pytest.mark.parametrize("lines", range(10))
def test_a_bundle_that_ends_too_soon(lines: int) -> None:
    report = verified(b"".join(line + b"\n" for line in made().splitlines()[:lines]))
    assert (report.verdict, kinds(report)[-1]) == ("unsound", "truncated")


def test_no_cut_goes_unseen() -> None:
    whole = made()
    sound = [end for end in range(0, len(whole), 7) if verified(whole[:end]).verdict != "unsound"]
    assert sound == []
    assert "truncated" in kinds(verified(whole[:-1]))


def test_lines_that_were_added() -> None:
    lines = made().splitlines()
    for where in (0, 4, 10):
        more = [*lines[:where], b'{"a":1}', *lines[where:]]
        assert verified(b"".join(line + b"\n" for line in more)).verdict == "unsound"


def test_another_way_of_writing_the_same_is_named() -> None:
    lines = made().splitlines()
    lines[3] = lines[3].replace(b'{"body"', b'{ "body"')
    assert kinds(verified(b"".join(line + b"\n" for line in lines))) == ["changed"]


def test_a_report_beside_it_that_was_changed() -> None:
    report = verified(made(), {**FILES, "report.html": b"<p>better", "notes": b"not ours"})
    assert (report.verdict, kinds(report)) == ("unsound", ["changed"])
    assert report.faults[0].text.startswith("report.html is not the file")


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"{}\n", b"[]\n", b"\xff\xfe\n", b"{" * 5000 + b"\n", b'{"seal":{}}\n', b'{"seal":{"payload":"A"}}\n'],
)
def test_what_is_no_bundle(content: bytes) -> None:
    assert verified(content).verdict == "unsound"


def test_the_encoding_before_the_signature_is_that_of_the_protocol() -> None:
    assert dsse.pae(b"{}") == b"DSSEv1 28 application/vnd.in-toto+json 2 {}"
