# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation is made of, as a bill of materials (CycloneDX 1.6 in JSON, ECMA-424): the package, libwolfssl as
it is loaded with how it was built, Python packages, and the operating system's packages that processes have mapped.

Pure: facts in, a document out. Where facts come from is the caller's.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from wolfguard.audit.canonical import canonical
from wolfguard.crypto.digest import sha256

SPECIFICATION: Final = "1.6"
PACKAGE: Final = "wolfguard-gateway"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PythonPackage:
    """`licence` is what its metadata says, SPDX or words; `needs` are names as its metadata has them; `sha256` is of
    the file that it comes in, where there is one."""

    name: str
    version: str
    licence: str
    needs: tuple[str, ...]
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class SystemPackage:
    """A package of dpkg. `files` are those of it that processes have mapped; `sha256` is of the file that it comes in,
    where there is one."""

    name: str
    version: str
    architecture: str
    files: tuple[str, ...]
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """libwolfssl as a process has loaded it. `manifest` is what the build wrote beside it, empty where there is none;
    `problem` is a sentence where the two do not agree."""

    version: str
    path: str
    sha256: str
    problem: str
    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Installation:
    """`distribution` is what os-release calls the system: ID and VERSION_ID. `unknown`: mapped files of no package."""

    version: str
    licence: str
    python: str
    library: Library
    packages: tuple[PythonPackage, ...]
    system: tuple[SystemPackage, ...]
    unknown: tuple[str, ...]
    distribution: tuple[str, str]


def render(found: Installation, moment: datetime) -> bytes:
    """A whole document in UTF-8. The same installation at the same moment gives the same bytes."""
    return json.dumps(document(found, moment), indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def document(found: Installation, moment: datetime) -> Json:
    """As an object."""
    root = f"pkg:pypi/{PACKAGE}@{quote(found.version)}"
    library = _library(found.library)
    python = [_python(each) for each in found.packages if _normal(each.name) != PACKAGE]
    system = [_system(each, found.distribution) for each in found.system]
    components = [library, *python, *system]
    body: Json = {
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": {
            "timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": PACKAGE,
                "version": found.version,
                "purl": root,
                "licenses": [{"expression": found.licence}],
                "properties": [_property("python", found.python)],
            },
            "properties": [_property("mapped-file-of-no-package", each) for each in found.unknown],
        },
        "components": components,
        "dependencies": _dependencies(root, found, [library["bom-ref"], *(each["bom-ref"] for each in system)]),
    }
    made = sha256(canonical(body))
    return {"serialNumber": f"urn:uuid:{uuid.UUID(bytes=made[:16], version=4)}", **body}


def _library(library: Library) -> Json:
    manifest = library.manifest
    source = manifest.get("source", {})
    properties = [
        _property("path", library.path),
        _property("flavour", str(manifest.get("flavour", "unknown"))),
        _property("declared-verdict", str(manifest.get("verdict", "unknown"))),
        _property("agrees-with-manifest", library.problem or "yes"),
    ]
    properties += [_property(name, str(manifest[name])) for name in ("compiler", "machine") if manifest.get(name)]
    properties += [_property("option", str(each)) for each in manifest.get("options", ())]
    properties += [_property("compiler-flag", str(each)) for each in manifest.get("cflags", ())]
    if source:
        properties.append(_property("source", f"{source.get('origin', '')}, SHA-256 {source.get('sha256', '')}"))
    properties += [
        _property("patch", f"{each.get('name', '')}, SHA-256 {each.get('sha256', '')}")
        for each in manifest.get("patches", ())
    ]
    version = quote(library.version)
    return {
        "type": "library",
        "bom-ref": f"pkg:generic/wolfssl@{version}",
        "name": "libwolfssl",
        "version": library.version,
        "purl": f"pkg:generic/wolfssl@{version}",
        "cpe": f"cpe:2.3:a:wolfssl:wolfssl:{library.version}:*:*:*:*:*:*:*",
        "hashes": [{"alg": "SHA-256", "content": library.sha256}],
        "properties": properties,
    }


def _python(package: PythonPackage) -> Json:
    purl = _purl(package)
    component: Json = {
        "type": "library",
        "bom-ref": purl,
        "name": package.name,
        "version": package.version,
        "purl": purl,
    }
    if package.licence:
        component["licenses"] = [{"license": {"name": package.licence}}]
    return {**component, **_hashes(package.sha256)}


def _system(package: SystemPackage, distribution: tuple[str, str]) -> Json:
    vendor, release = distribution
    where = f"arch={quote(package.architecture)}" + (f"&distro={quote(vendor)}-{quote(release)}" if release else "")
    purl = f"pkg:deb/{quote(vendor)}/{quote(package.name)}@{quote(package.version)}?{where}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": package.name,
        "version": package.version,
        "purl": purl,
        **_hashes(package.sha256),
        "properties": [_property("mapped-file", each) for each in package.files],
    }


def _dependencies(root: str, found: Installation, others: Sequence[str]) -> list[Json]:
    """Who needs whom, as far as metadata says it; the package itself needs all that it has mapped."""
    known = {_normal(each.name): each for each in found.packages}
    needs: dict[str, list[str]] = {}
    for name, package in known.items():
        targets = sorted({_purl(known[need]) for need in map(_normal, package.needs) if need in known})
        needs[root if name == PACKAGE else _purl(package)] = targets
    needs[root] = [*needs.get(root, []), *others]
    return [{"ref": ref, "dependsOn": targets} for ref, targets in needs.items()]


def _hashes(sha256: str) -> Json:
    return {"hashes": [{"alg": "SHA-256", "content": sha256}]} if sha256 else {}


def _purl(package: PythonPackage) -> str:
    return f"pkg:pypi/{quote(_normal(package.name))}@{quote(package.version)}"


def _normal(name: str) -> str:
    """As PyPI compares names (PyPA, Names and normalization)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _property(name: str, value: str) -> Json:
    return {"name": f"wolfguard:{name}", "value": value}
