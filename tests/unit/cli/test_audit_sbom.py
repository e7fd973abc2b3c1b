# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit sbom`: valid by CycloneDX's own library and schema, and true of this very installation."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from wolfguard.audit import sbom
from wolfguard.audit.sbom import Installation, Library, PythonPackage, SystemPackage
from wolfguard.crypto import library

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SMALL = Installation(
    version="0.1.0",
    licence="GPL-3.0-or-later",
    python="3.13.5",
    library=Library("5.9.2", "/opt/x/lib/libwolfssl.so.45", "ab" * 32, "", {}),
    packages=(
        PythonPackage("wolfguard-gateway", "0.1.0", "", ("PyYAML", "nothing")),
        PythonPackage("PyYAML", "6.0.2", "MIT", ()),
        PythonPackage("odd_name", "1!2+local 3", "some licence of my own", ("pyyaml",)),
    ),
    system=(SystemPackage("libc6", "2:2.41-1~x", "amd64", ("/usr/lib/libc.so.6",)),),
    unknown=("/usr/local/lib/libstrange.so.1",),
    distribution=("debian", "13"),
)


def problems(content: bytes) -> Any:
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode())


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """Of this installation, as a process of its own tells it."""
    command = [sys.executable, "-I", "-m", "wolfguard.cli", "--socket", "/nonexistent/control.sock", "audit", "sbom"]
    result = subprocess.run(command, check=False, capture_output=True)
    assert result.returncode == 0, result.stderr
    assert problems(result.stdout) is None
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_small_one_is_valid() -> None:
    assert problems(sbom.render(SMALL, NOW)) is None


def test_the_validator_finds_what_is_wrong() -> None:
    wrong = {**sbom.document(SMALL, NOW), "serialNumber": "none"}
    assert problems(json.dumps(wrong).encode()) is not None


def test_who_needs_whom() -> None:
    found = {each["ref"]: each["dependsOn"] for each in sbom.document(SMALL, NOW)["dependencies"]}
    root = found["pkg:pypi/wolfguard-gateway@0.1.0"]
    assert root == [
        "pkg:pypi/pyyaml@6.0.2",
        "pkg:generic/wolfssl@5.9.2",
        "pkg:deb/debian/libc6@2%3A2.41-1~x?arch=amd64&distro=debian-13",
    ]
    assert found["pkg:pypi/odd-name@1%212%2Blocal%203"] == ["pkg:pypi/pyyaml@6.0.2"]


def test_the_library_is_the_one_that_is_loaded(made: dict[str, Any]) -> None:
    (found,) = [each for each in made["components"] if each["name"] == "libwolfssl"]
    loaded = library.identify()
    assert found["hashes"] == [{"alg": "SHA-256", "content": loaded.sha256}]
    assert found["version"] == loaded.version
    manifest = library.read_manifest(Path(loaded.path).parent / library.MANIFEST)
    options = [each["value"] for each in found["properties"] if each["name"] == "wolfguard:option"]
    assert options == manifest["options"]
    assert {"name": "wolfguard:agrees-with-manifest", "value": "yes"} in found["properties"]


def test_python_packages_are_those_that_are_installed(made: dict[str, Any]) -> None:
    found = {each["name"]: each["version"] for each in made["components"] if each["purl"].startswith("pkg:pypi/")}
    for name in ("click", "cerberus", "h11", "jinja2"):
        distribution = metadata.distribution(name)
        assert found[distribution.metadata["Name"]] == distribution.version


def test_packages_of_the_system_are_those_whose_files_are_mapped(made: dict[str, Any]) -> None:
    found = {each["name"]: each for each in made["components"] if each["purl"].startswith("pkg:deb/")}
    assert "libc6" in found
    said = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Version}", "libc6"], check=True, capture_output=True, text=True
    )
    assert found["libc6"]["version"] == said.stdout
    assert any("libc.so.6" in each["value"] for each in found["libc6"]["properties"])


def test_references_are_there_once(made: dict[str, Any]) -> None:
    references = [each["bom-ref"] for each in made["components"]]
    assert len(references) == len(set(references))
    known = {*references, made["metadata"]["component"]["bom-ref"]}
    assert all({each["ref"], *each["dependsOn"]} <= known for each in made["dependencies"])
