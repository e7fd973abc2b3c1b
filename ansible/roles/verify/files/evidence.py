#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies the folder of an audit with the public key of the gateway's evidence and nothing else, where no wolfguard is
installed: `evidence.py TREE FOLDER KEY`.

What a bundle must be is `wolfguard.audit.evidence.verify`'s, taken from the source tree; hashes are Python's, and the
signature is openssl's to judge. Prints what was found as JSON. Exit code 0: sound; 7: nobody has signed; 8: not sound;
1: it cannot be read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BUNDLE = "bundle.jsonl"
FILES_MAX = 64
BYTES_MAX = 64 * 1024 * 1024
# SubjectPublicKeyInfo of a point on P-384 (RFC 5480 2) begins so
P384 = bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004")
EXITS = {"sound": 0, "undecided": 7, "unsound": 8}


def spki(pem: bytes) -> bytes:
    """DER of a PEM file. Raises ValueError."""
    found = re.fullmatch(rb"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*", pem)
    if found is None:
        raise ValueError("it is no public key in PEM")
    try:
        der = base64.b64decode(b"".join(found[1].split()), validate=True)
    except binascii.Error:
        raise ValueError("it is no public key in PEM") from None
    if not der.startswith(P384) or len(der) != len(P384) + 96:
        raise ValueError("it is no key on P-384, which evidence is signed with")
    return der


def holds(key: Path, data: bytes, value: bytes) -> bool:
    """ECDSA with SHA-384, by openssl."""
    with tempfile.TemporaryDirectory(prefix="wolfguard-evidence-") as folder:
        signature = Path(folder, "signature")
        signature.write_bytes(value)
        command = ["openssl", "dgst", "-sha384", "-verify", str(key), "-signature", str(signature)]
        return subprocess.run(command, input=data, check=False, capture_output=True).returncode == 0


def main(tree: Path, folder: Path, key: Path) -> int:
    sys.path.insert(0, str(tree))
    sys.dont_write_bytecode = True
    from wolfguard.audit.evidence import verify

    try:
        keyid = hashlib.sha256(spki(key.read_bytes())).hexdigest()
        names = sorted(file.name for file in folder.iterdir() if file.is_file())
        sizes = [(folder / name).stat().st_size for name in names]
        if len(names) > FILES_MAX or max(sizes, default=0) > BYTES_MAX:
            raise ValueError(f"{folder} holds more than {FILES_MAX} files, or one that is too large")
        content = {name: (folder / name).read_bytes() for name in names}
        bundle = content.pop(BUNDLE)
    except KeyError:
        print(f"{folder} has no {BUNDLE}", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"{key} and {folder}: {error}", file=sys.stderr)
        return 1
    found = verify.verify(
        bundle, content, keyid, lambda data, value: holds(key, data, value), lambda data: hashlib.sha384(data).digest()
    )
    # a page of somebody else's beside the reports would be believed like them
    added = sorted(content.keys() - set(found.files))
    verdict = "unsound" if added else found.verdict
    told = {
        "verdict": verdict,
        "key": keyid,
        "place": found.place,
        "profile": found.profile,
        "ended": found.ended,
        "evidence": found.evidence,
        "files": list(found.files),
        "unsigned_because": found.unsigned_because,
        "faults": [fault.text for fault in found.faults]
        + [f"{name} is none of the files of the audit" for name in added],
    }
    print(json.dumps(told, sort_keys=True))
    return EXITS.get(verdict, 1)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(str(__doc__))
    sys.exit(main(*(Path(word) for word in sys.argv[1:])))
