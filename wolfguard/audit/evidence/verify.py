# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies a bundle with nothing but the public key of the gateway that has signed it. sans-IO: bytes in, a report out.

Every finding names its place. A change of one link is one finding: the chain is followed further from the hash that the
link itself carries, and somebody who computes all hashes again meets the signed head. Without a good signature nobody
vouches for a bundle, whatever it says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wolfguard.audit.canonical import canonical
from wolfguard.audit.evidence import bundle, dsse
from wolfguard.audit.evidence.bundle import Digest, Json
from wolfguard.records.verifier import (
    BAD_SIGNATURE,
    CHANGED,
    CONTRADICTED,
    FOREIGN_KEY,
    MALFORMED,
    MISSING,
    SOUND,
    TRUNCATED,
    UNDECIDED,
    UNLINKED,
    UNSOUND,
)

BYTES_MAX: Final = 64 * 1024 * 1024
LINKS_MAX: Final = 100_000
FINDINGS_MAX: Final = 100

VerifySignature = Callable[[bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """`line` counts from 1; 0 stands for the whole, or another file."""

    line: int
    kind: str
    text: str


@dataclass(slots=True)
class Report:
    """`document` is the result that the links make up, where they do. `files` are the names that were compared,
    `elsewhere` those that the statement names and nobody gave."""

    place: str = ""
    profile: str = ""
    ended: str = ""
    evidence: int = 0
    signed: bool = False
    unsigned_because: str = ""
    files: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    found: int = 0
    faults: list[Fault] = field(default_factory=list)
    document: Json | None = None

    @property
    def verdict(self) -> str:
        if self.found:
            return UNSOUND
        return SOUND if self.signed else UNDECIDED


def verify(
    content: bytes, files: Mapping[str, bytes], key: str, verify_signature: VerifySignature, digest: Digest
) -> Report:
    """`files` are those beside the bundle, by name: what the statement names of them must be the same. `key` is the
    fingerprint of the public key, `verify_signature(data, signature)` checks with it, `digest` is SHA-384."""
    verifier = _Verifier(key, verify_signature, digest)
    lines = content.split(b"\n")
    whole = lines.pop() == b""
    if not whole:
        verifier.find(len(lines) + 1, TRUNCATED, "it ends in the middle of a line")
    for number, line in enumerate(lines, 1):
        verifier.take(number, line)
    verifier.finish(files)
    return verifier.report


class _Verifier:
    def __init__(self, key: str, verify_signature: VerifySignature, digest: Digest) -> None:
        self._key = key
        self._verify = verify_signature
        self._digest = digest
        self._bodies: list[Json] = []
        self._next = 0
        self._hash = bundle.GENESIS
        self._seal: Json | None = None
        self._seal_line = 0
        self.report = Report()

    def take(self, number: int, line: bytes) -> None:
        """The next line, without its end."""
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise TypeError
            if canonical(value) != line:
                # else other readers could take it for something else, such as where a name stands twice
                self.find(number, CHANGED, f"line {number} is not written as it was made")
        except (ValueError, TypeError, RecursionError):
            self.find(number, MALFORMED, f"line {number} is no part of a bundle")
            return
        if self._seal is not None:
            self.find(number, MALFORMED, f"line {number} comes behind the seal")
        elif "seal" in value:
            self._seal, self._seal_line = value, number
        else:
            self._take_link(number, value)

    def _take_link(self, line: int, link: Json) -> None:
        number, previous, body, claimed = (link.get(name) for name in ("number", "previous", "body", "hash"))
        known = type(number) is int and isinstance(previous, str) and isinstance(body, dict)
        if not known or not isinstance(claimed, str) or len(self._bodies) >= LINKS_MAX:
            self.find(line, MALFORMED, f"line {line} is no link of a chain of evidence")
            return
        what = _name(link)
        computed = self._digest(canonical({name: value for name, value in link.items() if name != "hash"})).hex()
        if computed != claimed:
            self.find(line, CHANGED, f"{what}: its hash does not fit its content: it was changed")
        if number != self._next:
            self.find(line, MISSING, f"{what} stands where evidence {self._next} must be: some is missing or moved")
        elif previous != self._hash:
            self.find(line, UNLINKED, f"{what} does not follow the one that is before it here")
        self._next, self._hash = int(str(number)) + 1, claimed
        self._bodies.append(dict(link["body"]))

    def finish(self, files: Mapping[str, bytes]) -> None:
        """After the last line."""
        report = self.report
        report.evidence = len(self._bodies)
        try:
            report.document = bundle.result(self._bodies)
        except (IndexError, KeyError, TypeError):
            self.find(1, MALFORMED, "it does not begin like a bundle of evidence")
        if self._seal is None:
            self.find(0, TRUNCATED, f"it ends behind {self._last()} without its seal")
            return
        try:
            payload, signatures = dsse.opened(self._seal["seal"])
            said = dsse.statement(payload)
        except dsse.FormError as error:
            self.find(self._seal_line, MALFORMED, f"the seal in line {self._seal_line}: {error}")
            return
        report.place, report.profile, report.ended = said.place, said.profile, said.ended
        self._check_signatures(payload, signatures)
        self._check_chain(said)
        self._check_files(said, files)

    def _check_signatures(self, payload: bytes, signatures: tuple[dsse.Signature, ...]) -> None:
        """One by this key is enough, but none that is there may be wrong."""
        remark = str(self._seal.get("remark")) if self._seal is not None else ""
        if not signatures:
            self.report.unsigned_because = remark
        elif remark or self._seal is None or set(self._seal) != {"seal", "remark"}:
            self.find(self._seal_line, MALFORMED, "something stands beside the seal that nobody has signed")
        ours = [each for each in signatures if each.keyid == self._key]
        if signatures and not ours:
            self.find(self._seal_line, FOREIGN_KEY, f"it is signed by another key ({signatures[0].keyid[:16]}...)")
        wrong = [each for each in ours if not self._verify(dsse.pae(payload), each.value)]
        if wrong:
            self.find(self._seal_line, BAD_SIGNATURE, "its signature is not one of this key over what the seal says")
        self.report.signed = bool(ours) and not wrong

    def _check_chain(self, said: dsse.Statement) -> None:
        if said.count > self._next:
            self.find(
                self._seal_line, TRUNCATED, f"it ends behind {self._last()}, but the seal covers {said.count - 1}"
            )
        elif said.count < self._next:
            text = f"it holds evidence up to {self._next - 1}, but the seal covers {said.count - 1}"
            self.find(self._seal_line, CONTRADICTED, text)
        elif said.head != self._hash:
            self.find(self._seal_line, CONTRADICTED, "the seal covers another chain: all of it was written anew")
        elif self.report.document is not None and not self.report.found:
            whole = self._digest(canonical(self.report.document)).hex()
            if said.subjects.get(bundle.RESULT) != whole:
                self.find(self._seal_line, CONTRADICTED, f"the seal covers another {bundle.RESULT} than this one")

    def _check_files(self, said: dsse.Statement, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            if name in said.subjects and said.subjects[name] != self._digest(content).hex():
                self.find(0, CHANGED, f"{name} is not the file that the seal covers: it was changed")
        self.report.files = tuple(sorted(name for name in said.subjects if name in files))
        self.report.elsewhere = tuple(sorted(name for name in said.subjects if name not in files))

    def _last(self) -> str:
        return f"evidence {self._next - 1}" if self._next else "nothing"

    def find(self, line: int, kind: str, text: str) -> None:
        self.report.found += 1
        if len(self.report.faults) < FINDINGS_MAX:
            self.report.faults.append(Fault(line, kind, text))


def _name(link: Mapping[str, Any]) -> str:
    rule = link["body"].get("rule")
    return f"evidence {link['number']} ({rule})" if isinstance(rule, str) else f"evidence {link['number']}"
