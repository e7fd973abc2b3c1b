# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup takes from a machine: what the site file names, as it lies there."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from wolfguard.backup.archive import STATE, BackupError, decode, encode
from wolfguard.backup.contents import FILE_MAX, gather, named_files, own_files, read_configuration

NETWORK = {"ipv4_pool": "10.99.0.0/16"}


def site(folder: Path) -> Path:
    """A site file whose certificate serves two sites, with a RADIUS backend over TLS and one over UDP."""
    certificate = {"certificate": f"{folder}/site.pem", "key": f"{folder}/site.key"}
    radius = {
        "transport": "tls", "authorities": f"{folder}/radius-ca.pem", "certificate": f"{folder}/radius.pem",
        "key": f"{folder}/radius.key", "servers": [{"address": "192.0.2.1", "name": "radius.example.org"}],
    }  # fmt: skip
    historic = {
        "transport": "udp", "crypto_profile": "compat",
        "servers": [{"address": "192.0.2.2", "secret": f"{folder}/one"}],
        "accounting": {"servers": [{"address": "192.0.2.3", "secret": f"{folder}/two"}]},
    }  # fmt: skip
    document = {
        "listeners": [{"port": 443}],
        "sites": [
            {
                "name": name,
                "server_names": [f"{name}.example.org"],
                "certificates": [dict(certificate)],
                "network": dict(NETWORK),
            }
            for name in ("a", "b")
        ],
        "backends": [
            {"name": "radius", "type": "radius", "radius": radius},
            {"name": "historic", "type": "radius", "radius": historic},
        ],
        "paths": {"keys": f"{folder}/keys"},
    }
    file = folder / "wolfguard.yml"
    file.write_text(yaml.safe_dump(document))
    return file


NAMES = ("site.pem", "site.key", "radius-ca.pem", "radius.pem", "radius.key", "one", "two")


def test_every_file_that_the_site_file_names_once(tmp_path: Path) -> None:
    configuration = read_configuration(site(tmp_path))
    assert named_files(configuration) == tuple(f"{tmp_path}/{name}" for name in NAMES)
    own = own_files(configuration.paths.keys)
    for path in own:
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text("own")
    assert named_files(configuration)[len(NAMES) :] == own
    assert [Path(path).name for path in own] == ["checkpoint.key", "checkpoint.pub", "evidence.key", "evidence.pub"]


def test_as_they_lie_there(tmp_path: Path) -> None:
    file = site(tmp_path)
    for number, name in enumerate(NAMES):
        (tmp_path / name).write_bytes(f"content {number}".encode())
        (tmp_path / name).chmod(0o600)
    (tmp_path / "site.pem").chmod(0o664)
    # certificate tools lead to the newest by a link
    (tmp_path / "site.key").rename(tmp_path / "site-7.key")
    (tmp_path / "site.key").symlink_to("site-7.key")
    made = gather(file, read_configuration(file), b"state", 3, version="1.0", now=7, host="vpn1")
    assert decode(encode(made)) == made
    modes = {entry.name: entry.mode for entry in made.head.entries}
    assert modes[f"{tmp_path}/site.pem"] == 0o644
    assert modes[f"{tmp_path}/site.key"] == 0o600
    assert made.contents[f"{tmp_path}/site.key"] == b"content 1"
    assert made.contents[STATE] == b"state"
    assert made.contents[str(file)] == file.read_bytes()


def test_a_file_that_is_missing_or_no_file_is_named(tmp_path: Path) -> None:
    file = site(tmp_path)
    configuration = read_configuration(file)
    with pytest.raises(BackupError, match=r"cannot read .*site\.pem: No such file"):
        gather(file, configuration, b"", 3, version="1.0", now=7, host="vpn1")
    (tmp_path / "site.pem").mkdir()
    with pytest.raises(BackupError, match=r"site\.pem"):
        gather(file, configuration, b"", 3, version="1.0", now=7, host="vpn1")


def test_a_file_that_is_too_large_for_what_it_is(tmp_path: Path) -> None:
    file = site(tmp_path)
    with (tmp_path / "site.pem").open("wb") as opened:
        opened.truncate(FILE_MAX + 1)
    with pytest.raises(BackupError, match="is larger than 16 MiB"):
        gather(file, read_configuration(file), b"", 3, version="1.0", now=7, host="vpn1")
