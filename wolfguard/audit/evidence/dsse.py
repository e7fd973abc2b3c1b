# SPDX-License-Identifier: GPL-3.0-or-later
"""What is signed, and in which form: an in-toto statement (v1) in a DSSE envelope (DSSE's protocol.md).

The statement names every file of an audit by its digests, and the end of the chain of evidence. Owns these two forms;
must not know keys.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wolfguard.audit.canonical import canonical
from wolfguard.errors import LocalError

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:wolfguard-gateway:audit-evidence:1"
SUBJECTS_MAX: Final = 64

Json = dict[str, Any]


class FormError(LocalError):
    """It is no envelope, or no statement of an audit."""


@dataclass(frozen=True, slots=True)
class Signature:
    """`keyid` is SHA-256 of the key's SubjectPublicKeyInfo in hexadecimal, `value` is ECDSA in DER."""

    keyid: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Statement:
    """`subjects`: SHA-384 in hexadecimal by file name. `count` and `head`: how many links the chain of evidence has,
    and the hash of the last one."""

    subjects: Mapping[str, str]
    place: str
    profile: str
    ended: str
    count: int
    head: str

    def encode(self) -> bytes:
        """The payload that is signed."""
        return canonical(
            {
                "_type": STATEMENT_TYPE,
                "subject": [
                    {"name": name, "digest": {"sha384": digest}} for name, digest in sorted(self.subjects.items())
                ],
                "predicateType": PREDICATE_TYPE,
                "predicate": {
                    "place": self.place,
                    "profile": self.profile,
                    "ended": self.ended,
                    "evidence": {"algorithm": "sha384", "count": self.count, "head": self.head},
                },
            }
        )


def pae(payload: bytes) -> bytes:
    """The pre-authentication encoding: the bytes that a signature is over."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def envelope(payload: bytes, signature: Signature | None) -> Json:
    """As JSON; without a signature the list of signatures is empty."""
    return _form(payload, () if signature is None else (signature,))


def opened(value: object) -> tuple[bytes, tuple[Signature, ...]]:
    """Payload and signatures of an envelope, none of them checked. Raises FormError, also for what an envelope of ours
    does not have: nothing may be added outside of what is signed."""
    try:
        if not isinstance(value, dict):
            raise FormError("it is no DSSE envelope of an in-toto statement")
        signatures = tuple(Signature(str(each["keyid"]), _decoded(each["sig"])) for each in value["signatures"])
        payload = _decoded(value["payload"])
    except (KeyError, TypeError, binascii.Error, ValueError):
        raise FormError("it is no DSSE envelope of an in-toto statement") from None
    if value != _form(payload, signatures):
        raise FormError("it is no DSSE envelope of an in-toto statement as it was made")
    return payload, signatures


def statement(payload: bytes) -> Statement:
    """What a payload says. Raises FormError."""
    try:
        said = json.loads(payload)
        if said["_type"] != STATEMENT_TYPE or said["predicateType"] != PREDICATE_TYPE:
            raise FormError("what is signed is no statement of an audit")
        if len(said["subject"]) > SUBJECTS_MAX:
            raise FormError(f"what is signed names more than {SUBJECTS_MAX} files")
        subjects = {str(each["name"]): str(each["digest"]["sha384"]) for each in said["subject"]}
        about = said["predicate"]
        chain = about["evidence"]
        count, head = chain["count"], chain["head"]
        if not isinstance(count, int) or not isinstance(head, str) or chain["algorithm"] != "sha384":
            raise FormError("what is signed is no statement of an audit")
        return Statement(subjects, str(about["place"]), str(about["profile"]), str(about["ended"]), count, head)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise FormError("what is signed is no statement of an audit") from None


def _form(payload: bytes, signatures: Sequence[Signature]) -> Json:
    found = [{"keyid": each.keyid, "sig": _encoded(each.value)} for each in signatures]
    return {"payloadType": PAYLOAD_TYPE, "payload": _encoded(payload), "signatures": found}


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(text: object) -> bytes:
    if not isinstance(text, str):
        raise FormError("it is no DSSE envelope of an in-toto statement")
    return base64.b64decode(text, validate=True)
