# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of a bundle: an uncompressed tar (POSIX.1-2001) whose first member lists all others with size and hashes.

Owns the layout and the manifest. Who trusts the SHA-384 of the manifest, which names the bundle, trusts every byte of
it. Pure but for the files that it reads and the one that it writes; hashes are an argument.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
BILL: Final = "sbom.cdx.json"
PACKAGES: Final = "packages"
WHEELS: Final = "wheels"
SOURCE: Final = "source"
TREE: Final = "tree/wolfguard-gateway.tar.gz"

Digest = Callable[[Literal["sha256", "sha384"], bytes], bytes]


def manifest(
    folder: Path, facts: Mapping[str, Any], moment: datetime, digest: Digest, seen: Callable[[int, int], None]
) -> bytes:
    """The manifest of everything in `folder`, canonical. `facts` say what it is and for which system; `seen` hears how
    many of how many files have been read."""
    names = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    files: dict[str, Any] = {}
    for number, name in enumerate(names, 1):
        content = (folder / name).read_bytes()
        hashes = {"sha256": digest("sha256", content).hex(), "sha384": digest("sha384", content).hex()}
        files[name] = {"size": len(content), **hashes}
        seen(number, len(names))
    body = {"format": FORMAT, "made": f"{moment:%Y-%m-%dT%H:%M:%SZ}", **facts, "files": files}
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def write(folder: Path, listed: bytes, target: Path) -> None:
    """Manifest and files, in the manifest's order. Raises OSError."""
    with tarfile.open(target, "x:", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(_entry(MANIFEST, len(listed)), io.BytesIO(listed))
        for name, facts in json.loads(listed)["files"].items():
            with (folder / name).open("rb") as stream:
                archive.addfile(_entry(name, facts["size"]), stream)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o644
    entry.uname = entry.gname = "root"
    return entry
