# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy module linked with a Debian's own policy, and what setools reads out of the result.

Owns the work and its cache: compiling by the Debian's development files, linking with all modules of its store by
secilc, which checks every neverallow rule (semodule, as Debian configures it, does not), and the facts. All of it
happens inside a root file system of that Debian, so the machine itself needs no SELinux.
"""

from __future__ import annotations

import bz2
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop import roots

TREE = Path(__file__).resolve().parents[2]
CACHE = roots.CACHE.parent / "selinux"
FACTS = Path(__file__).with_name("selinux_facts.py")
PACKAGES = (
    "selinux-policy-default", "selinux-policy-dev", "policycoreutils", "checkpolicy", "semodule-utils",
    "python3-setools", "secilc", "make", "m4",
)  # fmt: skip
TRIXIE = roots.Root("policy-trixie", "trixie", PACKAGES)
BOOKWORM = roots.Root("policy-bookworm", "bookworm", PACKAGES)

NEEDED = ("base", "setrans", "unconfined")

_COMPILE = "make -s -f /usr/share/selinux/devel/Makefile wolfguard_gateway.pp"
_LINK = (
    "/usr/libexec/selinux/hll/pp <wolfguard_gateway.pp >wolfguard_gateway.cil && "
    "secilc -m -M true -o policy -f file_contexts base/*.cil wolfguard_gateway.cil"
)


@dataclass(frozen=True, slots=True)
class Linked:
    """`said` is what the compiler complained of; `facts` are empty when it did, `contexts` too."""

    said: str
    facts: dict[str, Any]
    contexts: str


def link(root: roots.Root, extra: str = "") -> Linked:
    """The module in the whole policy of this root; done once for each content.

    With `extra` rules at its end, which shall be refused, it meets those modules alone that it cannot do without.
    """
    base = roots.make(root)
    kept = CACHE / f"{root.suite}-{_fingerprint(base, extra)}.json"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        for old in CACHE.glob(f"{root.suite}-*.json"):
            # a few contents of the same suite are in use at a time
            if len(list(CACHE.glob(f"{root.suite}-*.json"))) > 8:
                old.unlink()
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps(_link(base, extra)), "utf-8")
        partial.rename(kept)
    said, facts, contexts = json.loads(kept.read_text("utf-8"))
    return Linked(said, facts, contexts)


def _fingerprint(base: Path, extra: str) -> str:
    digest = hashlib.sha256(f"{base.name}\0{extra}\0".encode())
    for file in (*sorted((TREE / "selinux").rglob("*")), FACTS, Path(__file__)):
        if file.is_file():
            digest.update(f"{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _link(base: Path, extra: str) -> tuple[str, dict[str, Any], str]:
    with tempfile.TemporaryDirectory(prefix="wolfguard-policy-", dir=base / "root") as folder:
        work = Path(folder)
        shutil.copytree(TREE / "selinux", work, dirs_exist_ok=True)
        with (work / "wolfguard_gateway.te").open("a", encoding="utf-8") as policy:
            policy.write(extra)
        _modules(base, work / "base", NEEDED if extra else ())
        for command in (_COMPILE, _LINK):
            done = _inside(base, work, command)
            if done.returncode != 0:
                return done.stdout + done.stderr, {}, ""
        shutil.copy(FACTS, work)
        read = _inside(base, work, f"python3 {FACTS.name} policy")
        if read.returncode != 0:
            return read.stderr, {}, ""
        return "", json.loads(read.stdout), (work / "file_contexts").read_text("utf-8")


def _modules(base: Path, target: Path, only: Collection[str]) -> None:
    """Every module of the store that is on, or those named, as CIL."""
    store = base / "var/lib/selinux/default/active/modules"
    off = {entry.name for entry in (store / "disabled").iterdir()}
    target.mkdir()
    for module in (store / "100").iterdir():
        compiled = module / "cil"
        if module.name in off or not compiled.exists() or (only and module.name not in only):
            continue
        data = compiled.read_bytes()
        text = bz2.decompress(data) if data.startswith(b"BZh") else data
        if only:
            # accounts of roles in modules that are left out
            text = re.sub(rb"^\((selinuxuser|selinuxuserdefault|userprefix) .*\n", b"", text, flags=re.MULTILINE)
        (target / f"{module.name}.cil").write_bytes(text)


def _inside(base: Path, work: Path, command: str) -> subprocess.CompletedProcess[str]:
    words = [*roots.enter(base), "/bin/sh", "-c", f"cd /{work.relative_to(base)} && {command}"]
    return subprocess.run(words, capture_output=True, text=True, check=False)
