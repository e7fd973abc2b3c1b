# SPDX-License-Identifier: GPL-3.0-or-later
"""The bill of materials of a bundle, in the form that an audit's has (CycloneDX 1.6): the tree, wolfSSL's source, every
wheel and every Debian package, each with its SHA-256."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from wolfguard.appliance.system import Release
from wolfguard.appliance.tree import WolfSource
from wolfguard.appliance.wheels import Wheel
from wolfguard.audit.sbom import Installation, Library, PythonPackage, SystemPackage

LICENCE = "GPL-3.0-or-later"


def bill(
    version: str,
    release: Release,
    source: WolfSource,
    wheels: Sequence[Wheel],
    packages: Sequence[Mapping[str, str]],
    sha256: Callable[[bytes], bytes],
) -> Installation:
    """`packages` as apt's index has them."""
    library = Library(
        version=source.version,
        path=f"source/{source.path.name}",
        sha256=source.sha256,
        problem="not built yet: this is its source",
        manifest={"source": {"origin": source.origin, "sha256": source.sha256}},
    )
    return Installation(
        version=version,
        licence=LICENCE,
        python=release.python,
        library=library,
        packages=tuple(
            PythonPackage(each.name, each.version, each.licence, each.needs, sha256(each.file.read_bytes()).hex())
            for each in wheels
        ),
        system=tuple(
            SystemPackage(each["Package"], each["Version"], each["Architecture"], (), each["SHA256"])
            for each in sorted(packages, key=lambda each: (each["Package"], each["Version"]))
        ),
        unknown=(),
        distribution=("debian", release.version),
    )
