# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle: the result of an audit as a chain of links, one a line of JSON, and a seal at the end.

The first link has everything but the findings, each further one a finding. Every link holds the hash of the one before,
so that a change names its place; the seal is a DSSE envelope over the last hash and over the files of the audit. Owns
the form; signing and verifying are others'.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wolfguard.audit.canonical import canonical
from wolfguard.audit.evidence import dsse
from wolfguard.audit.evidence.dsse import Signature, Statement

FORMAT: Final = "wolfguard-evidence/1"
GENESIS: Final = "0" * 96
RESULT: Final = "result.json"
"""Name of the file that the links make up."""
FINDINGS: Final = "findings"

Json = dict[str, Any]
Digest = Callable[[bytes], bytes]
"""SHA-384."""


@dataclass(frozen=True, slots=True)
class Chain:
    """`lines` are the links without line ends, `head` is the hash of the last one in hexadecimal."""

    lines: tuple[bytes, ...]
    head: str


def chain(document: Json, digest: Digest) -> Chain:
    """`document` is a result (`report.json`)."""
    first = {"bundle": FORMAT, "result": {name: value for name, value in document.items() if name != FINDINGS}}
    lines: list[bytes] = []
    previous = GENESIS
    for number, body in enumerate([first, *document[FINDINGS]]):
        link = {"number": number, "previous": previous, "body": body}
        previous = digest(canonical(link)).hex()
        lines.append(canonical({**link, "hash": previous}))
    return Chain(tuple(lines), previous)


def stated(document: Json, made: Chain, files: Mapping[str, bytes], digest: Digest) -> Statement:
    """What is to be signed. `files` are the other files of this audit by name."""
    subjects = {name: digest(content).hex() for name, content in files.items()}
    subjects[RESULT] = digest(canonical(document)).hex()
    about = document["profile"]["name"]
    return Statement(subjects, document["place"], about, document["ended"], len(made.lines), made.head)


def encode(made: Chain, statement: Statement, signature: Signature | None, remark: str = "") -> bytes:
    """The whole file. `remark` says why there is no signature, and is left out where there is one."""
    seal = {"seal": dsse.envelope(statement.encode(), signature), "remark": "" if signature else remark}
    return b"".join(line + b"\n" for line in (*made.lines, canonical(seal)))


def result(bodies: Sequence[Json]) -> Json:
    """The result that the bodies of all links make up. Raises KeyError or TypeError where the first one is none."""
    return {**bodies[0]["result"], FINDINGS: list(bodies[1:])}


def is_bundle(content: bytes) -> bool:
    """Whether a file begins like one."""
    try:
        first = json.loads(content.partition(b"\n")[0])
        return isinstance(first, dict) and first["body"]["bundle"] == FORMAT
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
