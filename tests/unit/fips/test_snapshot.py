# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of certificates: the package's own, a site's, and whatever is wrong with one; signatures by real keys."""

from __future__ import annotations

import base64
import os
import subprocess
from datetime import date
from pathlib import Path

import pytest

from wolfguard.crypto.signing import verify_p384
from wolfguard.errors import ConfigurationError
from wolfguard.fips import declaration, place, snapshot
from wolfguard.fips.facts import Declaration

TREE = Path(__file__).resolve().parents[3]
LIST = """
taken: 2026-11-01
source: a test
certificates:
  - number: 7
    module: wolfCrypt
    versions: [wolfCrypt v9.9.9]
    standard: FIPS 140-3
    level: 1
    status: Active
    sunset: 2030-01-31
    caveats: [{name: approved-mode, text: When operated in approved mode.}]
    environments:
      - {system: Debian GNU/Linux 12, processor: CPU, acceleration: true, affirmed: tested}
    environments_complete: true
systems: [{id: debian, modules: []}]
"""


def sign(folder: Path, text: str = LIST, key: Path | None = None) -> Path:
    """A site's folder with a list that the maintainers' tool signed; the key lies outside of it."""
    folder.mkdir(exist_ok=True)
    (folder / "certificates.yml").write_text(text)
    words = [str(key)] if key else [str(folder.parent / f"{folder.name}.key"), "--new-key"]
    command = [str(TREE / "fips" / "sign-snapshot"), *words, "--folder", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_the_packages_list_is_signed_and_sound(tmp_path: Path) -> None:
    found = snapshot.read(tmp_path)
    assert found.taken == date(2026, 4, 15)
    assert found.signer.startswith("the key of the package (")
    numbers = {each.number: each for each in found.certificates}
    assert numbers[4718].versions == ("wolfCrypt v5.2.1",)
    assert numbers[4718].sunset == date(2029, 7, 10)
    assert numbers[5041].sunset == date(2030, 7, 17)
    assert numbers[3389].status == "Historical"
    assert [each.modules for each in found.systems if each.id == "debian"] == [()]


def test_no_private_key_is_in_the_tree() -> None:
    command = ["git", "-C", str(TREE), "grep", "-lI", "-e", "-----BEGIN .*PRIVATE KEY-----", "--", "fips"]
    assert subprocess.run(command, check=False, capture_output=True, text=True).stdout == ""


def test_a_sites_own_list_and_key(tmp_path: Path) -> None:
    found = snapshot.read(sign(tmp_path / "fips"))
    assert found.signer.startswith("the key of the site (")
    certificate = found.certificate(7)
    assert certificate is not None
    assert certificate.environments[0].kernel == ""
    assert found.certificate(4718) is None


def test_a_sites_list_without_its_key_must_be_signed_by_the_packages(tmp_path: Path) -> None:
    folder = sign(tmp_path / "fips")
    (folder / "snapshot-key.pem").unlink()
    with pytest.raises(ConfigurationError, match="not signed by the key of the package"):
        snapshot.read(folder)
    for name in ("certificates.yml", "certificates.yml.sig"):
        (folder / name).write_bytes((TREE / "fips" / name).read_bytes())
    assert snapshot.read(folder).certificate(4718)


def test_a_key_that_signs_nothing(tmp_path: Path) -> None:
    folder = sign(tmp_path / "fips")
    (folder / "certificates.yml").unlink()
    with pytest.raises(ConfigurationError, match="signs nothing"):
        snapshot.read(folder)


def test_one_changed_byte(tmp_path: Path) -> None:
    folder = sign(tmp_path / "fips")
    (folder / "certificates.yml").write_text(LIST.replace("2030-01-31", "2031-01-31"))
    with pytest.raises(ConfigurationError, match="is not signed by"):
        snapshot.read(folder)


def test_another_key(tmp_path: Path) -> None:
    folder, other = sign(tmp_path / "fips"), sign(tmp_path / "other")
    (folder / "snapshot-key.pem").write_bytes((other / "snapshot-key.pem").read_bytes())
    with pytest.raises(ConfigurationError, match="is not signed by"):
        snapshot.read(folder)


@pytest.mark.parametrize("missing", ["certificates.yml.sig", "certificates.yml"])
def test_nothing_falls_back_to_the_package(tmp_path: Path, missing: str) -> None:
    folder = sign(tmp_path / "fips")
    (folder / missing).unlink()
    with pytest.raises(ConfigurationError):
        snapshot.read(folder)


def test_others_could_have_written_it(tmp_path: Path) -> None:
    folder = sign(tmp_path / "fips")
    (folder / "certificates.yml").chmod(0o664)
    with pytest.raises(ConfigurationError, match="nobody else may write"):
        snapshot.read(folder)
    (folder / "certificates.yml").chmod(0o644)
    os.chown(folder / "snapshot-key.pem", 65534, 0)
    with pytest.raises(ConfigurationError, match="that root owns"):
        snapshot.read(folder)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("taken: 2026-11-01", "taken: yesterday", "taken: must be of date type"),
        ("taken: 2026-11-01", "taken: 2026-11-01 10:00:00", "time of day"),
        ("status: Active", "status: Pending", "certificates.0.status: unallowed value Pending"),
        ("number: 7", "number: seven", "number: must be of integer type"),
        ("FIPS 140-3", "FIPS 140-1", "standard"),
        ("    level: 1\n", "", "level: required field"),
        ("affirmed: tested", "affirmed: user", "affirmed: unallowed value user"),
        ("source: a test", "source: a test\nextra: 1", "extra: unknown field"),
        ("taken: 2026-11-01", "taken: [", "is not YAML"),
        (LIST, "- a list", "is not a mapping"),
    ],
)
def test_a_signed_list_is_still_checked(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        snapshot.read(sign(tmp_path / "fips", LIST.replace(old, new)))


def test_a_certificate_twice(tmp_path: Path) -> None:
    entry = LIST[LIST.index("  - number") : LIST.index("systems:")]
    with pytest.raises(ConfigurationError, match="in it twice"):
        snapshot.read(sign(tmp_path / "fips", LIST.replace("systems:", f"{entry}systems:")))


@pytest.mark.parametrize("signature", [b"!", b"", b"AAAA", base64.b64encode(b"\x30\x06\x02\x01\x01\x02\x01\x01")])
def test_signatures_that_are_none(tmp_path: Path, signature: bytes) -> None:
    folder = sign(tmp_path / "fips")
    (folder / "certificates.yml.sig").write_bytes(signature)
    with pytest.raises(ConfigurationError):
        snapshot.read(folder)


@pytest.mark.parametrize("key", [b"", b"-----BEGIN PUBLIC KEY-----\n=A=\n-----END PUBLIC KEY-----"])
def test_keys_that_are_none(key: bytes) -> None:
    with pytest.raises(ConfigurationError, match="no public key"):
        snapshot.public_key(key)


def test_a_key_on_another_curve_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "p256.key"
    command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(ConfigurationError, match="is not signed by"):
        snapshot.read(sign(tmp_path / "fips", key=key))


def test_malformed_input_of_the_verification_is_false() -> None:
    spki = snapshot.public_key((TREE / "fips" / "snapshot-key.pem").read_bytes())
    content = (TREE / "fips" / "certificates.yml").read_bytes()
    signature = base64.b64decode((TREE / "fips" / "certificates.yml.sig").read_bytes())
    assert verify_p384(spki, content, signature)
    assert not verify_p384(spki, content + b"\n", signature)
    assert not verify_p384(spki, b"", signature)
    for length in range(len(signature)):
        assert not verify_p384(spki, content, signature[:length])
    for length in range(len(spki)):
        assert not verify_p384(spki[:length], content, signature)
    assert not verify_p384(spki + b"\x00", content, signature)
    assert not verify_p384(spki, content, signature + b"\x00" * 200)


def test_the_tool_never_writes_over_a_key(tmp_path: Path) -> None:
    folder = sign(tmp_path / "fips")
    key = tmp_path / "fips.key"
    assert key.stat().st_mode & 0o777 == 0o600
    command = [str(TREE / "fips" / "sign-snapshot"), str(key), "--new-key", "--folder", str(folder)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 1
    assert "is there already" in result.stderr


def test_declarations(tmp_path: Path) -> None:
    assert declaration.read(tmp_path) is None
    file = tmp_path / "declaration.yml"
    file.write_text(
        "certificate: 4718\nentropy_source: jitter\nentropy_certificate: E1\n"
        "caveats: {generated-ssps: see E1}\nenvironment: {affirmed: user, reference: letter 7}\n"
    )
    wanted = Declaration(4718, "jitter", "E1", (("generated-ssps", "see E1"),), "user", "letter 7")
    assert declaration.read(tmp_path) == wanted
    file.write_text("certificate: 4718\nentropy_source: jitter\n")
    assert declaration.read(tmp_path) == Declaration(4718, "jitter")
    for text in ("certificate: 4718", "certificate: x\nentropy_source: y", "entropy_source: ''\ncertificate: 1"):
        file.write_text(text)
        with pytest.raises(ConfigurationError, match=r"declaration\.yml"):
            declaration.read(tmp_path)


def test_a_file_without_end(tmp_path: Path) -> None:
    (tmp_path / "declaration.yml").write_bytes(b" " * (place.BYTES_MAXIMUM + 1))
    with pytest.raises(ConfigurationError, match="is larger than"):
        declaration.read(tmp_path)
