#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a bundle of `wolfguard appliance bundle`, and unpacks it for apt, pip and bootstrap.

    bundle.py check ARCHIVE [OPTIONS]           nothing is written
    bundle.py unpack ARCHIVE FOLDER [OPTIONS]   FOLDER is made anew, or left as it was where anything is wrong
    bundle.py installed FOLDER [OPTIONS]        whether FOLDER still is what was unpacked

Runs on the controller and on a machine that has nothing of ours yet: Python's standard library alone. Everything is
held against the manifest, the first file in the archive: size, SHA-256 and SHA-384 of each file, none missing, none
more, nothing behind the end. `--sha384` is that of the manifest and so of the whole; without it a bundle that somebody
has made anew would be as good. Exit code 1 and one sentence where a bundle is refused.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
import tarfile
from pathlib import Path
from typing import IO, Any

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_MAX = 16 << 20
FILES_MAX = 20_000
CHUNK = 1 << 20
NAME = re.compile(r"(?:packages|wheels|source|tree)/[A-Za-z0-9][A-Za-z0-9._+~%!:-]*|[A-Za-z0-9][A-Za-z0-9._-]*\.json")
# What apt is told so that it takes packages from the folder and from nowhere else. Lists and caches are its own.
APT = """\
Dir::Etc::SourceList "{apt}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "{apt}/lists";
Dir::Cache "{apt}/cache";
Acquire::Languages "none";
APT::Sandbox::User "root";
"""


class RefusedError(Exception):
    """The bundle is not what it should be; the text says what is wrong."""


Json = dict[str, Any]


def walk(archive: Path, wanted: argparse.Namespace, folder: Path | None = None) -> Json:
    """Reads the whole archive, and writes what is good into `folder` if there is one. Raises RefusedError, OSError."""
    whole = archive.stat().st_size
    with archive.open("rb") as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r:") as entries:
                manifest = _entries(entries, wanted, folder, whole)
                end = entries.offset
        except tarfile.TarError as error:
            raise RefusedError(f"it is no bundle, or was cut off ({error})") from None
        stream.seek(end)
        # two empty blocks, and as many as fill the last record
        rest = stream.read(2 * tarfile.RECORDSIZE)
    if len(rest) < 2 * tarfile.BLOCKSIZE and end + len(rest) == whole:
        raise RefusedError("it is cut off: the end of the archive is missing")
    if len(rest) >= 2 * tarfile.RECORDSIZE or rest.strip(b"\0"):
        raise RefusedError("something stands behind its end")
    return manifest


def _entries(entries: tarfile.TarFile, wanted: argparse.Namespace, folder: Path | None, whole: int) -> Json:
    first = entries.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > MANIFEST_MAX:
        raise RefusedError(f"it does not begin with {MANIFEST}")
    content = _stream(entries, first).read()
    if len(content) != first.size:
        raise RefusedError(f"it is cut off in {MANIFEST}")
    manifest = read_manifest(content, wanted)
    if folder is not None:
        (folder / MANIFEST).write_bytes(content)
    left: Json = dict(manifest["files"])
    while (entry := entries.next()) is not None:
        if not entry.isreg() or entry.name not in left:
            raise RefusedError(f"{entry.name[:200]!r} is in it and not in its manifest, or a second time")
        if entry.offset_data + entry.size > whole:
            raise RefusedError(f"it is cut off in {entry.name}")
        target = None if folder is None else folder / entry.name
        if target is not None:
            target.parent.mkdir(mode=0o755, exist_ok=True)
        compare(entry.name, left.pop(entry.name), _stream(entries, entry), target)
    if left:
        raise RefusedError(f"{min(left)} is missing, which its manifest names")
    return manifest


def _stream(entries: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    found = entries.extractfile(entry)
    assert found is not None  # it is a regular file  # noqa: S101
    return found


def read_manifest(content: bytes, wanted: argparse.Namespace) -> Json:
    """Raises RefusedError where it is another one than the site has named, malformed, or for another system."""
    digest = hashlib.sha384(content).hexdigest()
    if wanted.sha384 and digest != wanted.sha384.lower():
        raise RefusedError(f"it is another bundle: the SHA-384 of its manifest is {digest}")
    try:
        manifest: Json = json.loads(content)
        files, system = manifest["files"], manifest["system"]
        formed = manifest["format"] == FORMAT and len(files) <= FILES_MAX
        formed = formed and all(NAME.fullmatch(name) and name != MANIFEST for name in files)
        formed = formed and all(isinstance(each["size"], int) and each["size"] >= 0 for each in files.values())
        formed = formed and all(len(each["sha256"]) == 64 and len(each["sha384"]) == 96 for each in files.values())
        title, architecture = str(system["title"]), str(system["architecture"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise RefusedError(f"{MANIFEST} is malformed") from None
    if not formed:
        raise RefusedError(f"{MANIFEST} is malformed, or of a newer format than {FORMAT}")
    if wanted.system and wanted.system != title:
        raise RefusedError(f"it is for {title}, and this machine is {wanted.system}")
    if wanted.architecture and wanted.architecture != architecture:
        raise RefusedError(f"it is for {architecture}, and this machine is {wanted.architecture}")
    return {**manifest, "sha384": digest}


def compare(name: str, facts: Json, stream: IO[bytes], target: Path | None = None) -> None:
    """Reads a file to its end, and writes it to `target` if there is one. Raises RefusedError where it differs."""
    size, sha256, sha384 = 0, hashlib.sha256(), hashlib.sha384()
    with open(os.devnull if target is None else target, "wb") as copy:
        while block := stream.read(CHUNK):
            size += len(block)
            sha256.update(block)
            sha384.update(block)
            copy.write(block)
    if target is not None:
        target.chmod(0o644)
    found = {"size": size, "sha256": sha256.hexdigest(), "sha384": sha384.hexdigest()}
    for fact, value in found.items():
        if value != facts[fact]:
            raise RefusedError(f"{name} is not what its manifest says: {fact} is {value}, not {facts[fact]}")


def unpack(archive: Path, folder: Path, wanted: argparse.Namespace) -> Json:
    """Makes the folder anew in one rename, and beside it what apt has to be told. Raises RefusedError, OSError."""
    fresh, old, apt = (folder.with_name(f"{folder.name}{word}") for word in (".new", ".old", "-apt"))
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh.mkdir(mode=0o755)
    try:
        manifest = walk(archive, wanted, fresh)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(apt, ignore_errors=True)
    for each in (apt / "lists" / "partial", apt / "cache" / "archives" / "partial"):
        each.mkdir(parents=True)
    # every file was held against the manifest just now: nobody has to sign the list of them
    (apt / "sources.list").write_text(f"deb [trusted=yes] file:{folder}/packages ./\n")
    (apt / "apt.conf").write_text(APT.format(apt=apt))
    return manifest


def installed(folder: Path, wanted: argparse.Namespace) -> Json:
    """Raises RefusedError where a file differs, is missing or was added."""
    try:
        manifest = read_manifest((folder / MANIFEST).read_bytes(), wanted)
    except FileNotFoundError:
        raise RefusedError("there is none") from None
    files: Json = manifest["files"]
    here = {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir() or file.is_symlink()}
    for name in sorted(here ^ {*files, MANIFEST}):
        raise RefusedError(f"{name} is {'missing' if name in files else 'not in its manifest'}")
    for name, facts in files.items():
        with (folder / name).open("rb") as stream:
            compare(name, facts, stream)
    return manifest


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("act", choices=("check", "unpack", "installed"))
    parser.add_argument("place", type=Path)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--system", default="", help="the machine's, such as 'Debian 13'")
    parser.add_argument("--architecture", default="", help="the machine's, as dpkg names it")
    parser.add_argument("--sha384", default="", help="of the manifest, as the maker of the bundle has told it")
    chosen = parser.parse_args()
    if (chosen.folder is not None) != (chosen.act == "unpack"):
        parser.error("unpack takes an archive and a folder; the others take one of them")
    os.umask(0o022)
    try:
        match chosen.act:
            case "unpack":
                manifest = unpack(chosen.place, chosen.folder.absolute(), chosen)
            case "installed":
                manifest = installed(chosen.place, chosen)
            case _:
                manifest = walk(chosen.place, chosen)
    except RefusedError as error:
        print(f"the bundle {chosen.place} is refused: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"the bundle {chosen.place} cannot be read or unpacked: {error}", file=sys.stderr)
        return 1
    told = {name: value for name, value in manifest.items() if name != "files"}
    print(json.dumps({**told, "files": len(manifest["files"])}, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
