# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of cryptographic services against the code, both ways: nothing uses cryptography that it lacks, and it
names nothing that nobody uses."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import wolfguard
from wolfguard import _native

TREE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "fips"))
try:
    import services
finally:
    sys.path.pop(0)

# Python modules that compute, or carry a library that does.
CRYPTOGRAPHY = frozenset(
    {
        "hashlib",
        "_hashlib",
        "hmac",
        "ssl",
        "_ssl",
        "secrets",
        "random",
        "crypt",
        "zlib",
        "sqlite3",
        "paramiko",
        "pyrad",
        "cryptography",
        "OpenSSL",
        "nacl",
        "Crypto",
        "Cryptodome",
        "bcrypt",
        "argon2",
        "passlib",
        "jwt",
        "jose",
        "wolfssl",
        "wolfcrypt",
        "gnupg",
        "rsa",
        "ecdsa",
    }
)
PROGRAMS = frozenset(("openssl", "gpg", "ssh-keygen", "certtool", "gnutls-cli", "mkpasswd"))
KERNEL = frozenset(("urandom", "getrandom"))
SCRIPTS = ("fips/build", "fips/generate", "fips/sign-snapshot", "seccomp/generate")
FOLDERS = ("wolfguard", "fips", "seccomp", "selinux", "systemd", "ansible/roles", "ansible/plugins")


@cache
def table() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = services.load()["services"]
    return found


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Every Python file of the product by its path."""
    files = [path for folder in FOLDERS for path in sorted((TREE / folder).rglob("*.py"))]
    for path in [*files, *(TREE / name for name in SCRIPTS)]:
        yield str(path.relative_to(TREE)), ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if name in ("import_module", "__import__") and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value).split(".")[0]


def test_names_are_its_own_and_places_exist() -> None:
    names = [entry["name"] for entry in table()]
    assert len(names) == len(set(names))
    assert [path for entry in table() for path in entry["where"] if not (TREE / path).is_file()] == []


def test_every_import_of_a_cryptographic_module_is_listed() -> None:
    used = {(name, path) for path, tree in sources() for name in imported(tree) if name in CRYPTOGRAPHY}
    listed = {(name, path) for entry in table() for name, paths in entry.get("imports", {}).items() for path in paths}
    assert used - listed == set(), "fips/services.yml lacks these"
    assert listed - used == set(), "fips/services.yml lists what nobody imports"


def test_every_program_that_computes_is_listed() -> None:
    used = {
        (Path(node.value).name, path)
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and Path(node.value).name in PROGRAMS
    }
    listed = {(name, path) for entry in table() for name, paths in entry.get("programs", {}).items() for path in paths}
    assert used == listed


def test_nobody_asks_the_kernel_for_random_bytes() -> None:
    guilty = [
        path
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in KERNEL
    ]
    assert guilty == []


def symbols(file: Path) -> set[str]:
    """What a built object takes from libwolfssl."""
    command = ["nm", "--dynamic", "--undefined-only", "--format=just-symbols", str(file)]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return {name for name in names if name.startswith(("wc_", "wolf"))}


def patterns(key: str) -> list[tuple[str, str]]:
    return [(pattern, entry["name"]) for entry in table() for pattern in entry.get(key, ())]


@pytest.mark.needs_mlkem
def test_every_symbol_of_the_library_belongs_to_one_service() -> None:
    used = symbols(Path(_native.__file__))
    assert used
    both = [*patterns("symbols"), *patterns("module_only")]
    owners = {name: {owner for pattern, owner in both if fnmatchcase(name, pattern)} for name in used}
    assert {name for name, found in owners.items() if not found} == set(), "fips/services.yml lacks these"
    assert {name: found for name, found in owners.items() if len(found) > 1} == {}
    idle = [pattern for pattern, _ in patterns("symbols") if not any(fnmatchcase(name, pattern) for name in used)]
    assert idle == [], "fips/services.yml lists what nobody calls"


def test_the_launchers_take_nothing_from_it() -> None:
    launchers = sorted((Path(wolfguard.__file__).parent / "libexec").iterdir())
    assert launchers
    assert [path.name for path in launchers if symbols(path)] == []


def test_no_other_cryptographic_library_is_linked() -> None:
    command = ["readelf", "--dynamic", str(_native.__file__)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    linked = {line.split("[")[1].split(".")[0] for line in text.splitlines() if "(NEEDED)" in line}
    assert (
        linked - {"libwolfssl", "libc", "libpthread", "libdl", "libm", "ld-linux-x86-64", "ld-linux-aarch64"} == set()
    )
    assert "libwolfssl" in linked
