# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret of a gateway gets into any output of an audit: a real gateway with a live session, whose password, cookie,
keys, shared secret and stored hashes are looked for in every file, in every form."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import PASSWORD, Field
from tests.interop.raw import Raw
from tests.system import secrets_in

SHARED = "planted-shared-secret-of-radius"
TYPED = "planted-password-that-nobody-has"
PRINTED = "planted-word-that-sshd-repeats"
REPORTS = {
    "bundle.jsonl",
    "hdf.json",
    "junit.xml",
    "oscal-assessment-results.json",
    "report.html",
    "report.txt",
    "result.json",
    "sbom.cdx.json",
}
KEYS = ("keys/evidence.key", "keys/checkpoint.key", "pki/server-ecdsa.key", "pki/server-rsa.key", "pki/ca.key")


@pytest.fixture(scope="module")
def gateway(make_gateway: Callable[..., Field]) -> Field:
    def edit(document: dict[str, Any]) -> None:
        secret = Path(document["paths"]["keys"]).parent / "radius-secret"
        secret.touch(0o600)
        secret.write_text(f"{SHARED}\n")
        servers = [{"address": "198.51.100.77", "secret": str(secret)}]
        radius = {"transport": "udp", "crypto_profile": "compat", "servers": servers}
        document["backends"] = [{"name": "corp", "type": "radius", "radius": radius}]

    made = make_gateway(edit)
    made.add_user("alice")
    return made


def hashes(field: Field) -> dict[str, bytes]:
    """What the store keeps of passwords: salts and hashes. A running gateway has it open, so its bytes are searched."""
    content = b"".join(file.read_bytes() for file in (field.site.folder / "state").glob("sessiond.sqlite*"))
    stored = re.findall(rb"pbkdf2-sha512\$[0-9]+\$([A-Za-z0-9_-]+)\$([A-Za-z0-9_-]{86})", content)
    return {f"{number}": part for number, part in enumerate(part for parts in stored for part in parts)}


def audited(field: Field, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-m", "wolfguard.cli", "--socket", str(field.site.control), "audit", "run"]
    command += ["--fail-on", "never", "--output", str(folder / "report"), "--all", *words]
    # an ssh server whose configuration it does not understand: it prints the word on standard error
    (folder / "sshd_config").write_text(f"{PRINTED} yes\n")
    covered = f'mount --bind {folder}/sshd_config /etc/ssh/sshd_config && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", covered, "sh", *command]
    return subprocess.run(field.topology.gateway.inside(command), check=False, capture_output=True, text=True)


def test_no_output_has_a_secret(gateway: Field, tmp_path: Path) -> None:
    typed = False
    with closing(Raw.open(gateway.topology.client, str(gateway.site.authority))) as raw:
        cookie = raw.log_in("alice", PASSWORD)
        with closing(Raw.open(gateway.topology.client, str(gateway.site.authority))) as other:
            try:
                other.log_in("alice", TYPED)
            except ConnectionError:
                typed = True
        assert typed
        (tmp_path / "audit").mkdir()
        result = audited(gateway, tmp_path / "audit")
    assert result.returncode == 0, result.stderr
    report = tmp_path / "audit" / "report"
    (report / "stdout").write_text(result.stdout)
    (report / "stderr").write_text(result.stderr)
    assert {file.name for file in report.iterdir()} == REPORTS | {"stdout", "stderr"}
    assert (
        "sshd does not tell its settings: exit code 255, it does not understand its configuration"
        in (report / "result.json").read_text()
    )
    assert "signed by the gateway's evidence key" in result.stdout
    secrets = {"password": PASSWORD.encode(), "typed": TYPED.encode(), "shared": SHARED.encode()}
    secrets["printed"] = PRINTED.encode()
    secrets["cookie"] = cookie.encode()
    secrets |= {f"hash of a password {name}": value for name, value in hashes(gateway).items()}
    for name in KEYS:
        file = gateway.site.folder / name
        if file.exists():
            secrets |= {f"{name} {part}": value for part, value in secrets_in.private_key(file.read_bytes()).items()}
    assert any(name.startswith("hash of") for name in secrets)
    assert sum("key content" in name for name in secrets) >= 4
    assert secrets_in.found(secrets, report) == []


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """In each form in which a report could hold it."""
    for number, form in enumerate(secrets_in.forms(SHARED.encode())):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "report").write_bytes(b"before " + form + b" after")
        assert secrets_in.found({"shared": SHARED.encode()}, folder), form
