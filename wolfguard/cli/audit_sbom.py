# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit sbom`: what this installation is made of.

Owns where the facts come from: metadata of Python packages, the library of this process with the manifest beside it,
the memory maps of this process and of a gateway that runs, and dpkg. The form is `wolfguard.audit.sbom`'s.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final

import click

from wolfguard.audit import sbom
from wolfguard.audit.sbom import Installation, Library, PythonPackage, SystemPackage
from wolfguard.cli.client import Client
from wolfguard.cli.failure import CommandError
from wolfguard.cli.options import as_json, examples, socket_path
from wolfguard.cli.version import DISTRIBUTION
from wolfguard.crypto import library
from wolfguard.crypto.errors import ModuleStartError
from wolfguard.errors import LocalError

FILE: Final = "sbom.cdx.json"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MAPPED: Final = re.compile(r"\s(/\S+\.so(?:\.[0-9A-Za-z.]+)?)$")
_SECONDS: Final = 20.0


@click.command(
    name="sbom",
    epilog=examples(
        ("sudo wolfguard audit sbom > sbom.cdx.json", "for a scanner that knows vulnerable versions"),
        ("sudo wolfguard audit run --output audit-today", "the same beside an audit, covered by its signature"),
    ),
)
@socket_path
@as_json
def command(socket_path: Path, as_json: bool) -> None:
    """Print a bill of materials of this installation: CycloneDX 1.6 in JSON, with or without --json.

    It names the package, libwolfssl with its options, patches and hash, the Python packages, and the Debian packages of
    which this process, or one of the gateway if it runs and root asks, has mapped a file.
    """
    try:
        click.echo(sbom.render(gather(socket_path), datetime.now(UTC)).decode(), nl=False)
    except LocalError as error:
        raise CommandError(str(error), as_json=as_json) from None


def gather(socket: Path) -> Installation:
    """Looks. Raises LocalError."""
    files = sorted({file for pid in ("self", *_processes(socket)) for file in _maps(pid)} | {_interpreter()})
    ours = (str(Path(sys.prefix)), str(Path(library.identify().path).parent))
    system, unknown = _packages([file for file in files if not file.startswith(ours)])
    about = metadata.metadata(DISTRIBUTION)
    return Installation(
        version=metadata.version(DISTRIBUTION),
        licence=_field(about, "License-Expression") or "GPL-3.0-or-later",
        python=platform.python_version(),
        library=_library(),
        packages=tuple(sorted(_python(), key=lambda each: each.name.lower())),
        system=system,
        unknown=unknown,
        distribution=_distribution(),
    )


def _library() -> Library:
    """Raises ModuleStartError where the loaded file cannot be read again."""
    found = library.identify()
    try:
        manifest = library.read_manifest(Path(found.path).parent / library.MANIFEST)
    except ModuleStartError:
        manifest = {}
    return Library(found.version, found.path, found.sha256, found.problem, manifest)


def _python() -> Iterator[PythonPackage]:
    """Every distribution that this interpreter can import, once."""
    seen: set[str] = set()
    for each in metadata.distributions():
        name = _field(each.metadata, "Name")
        if not name or name.lower() in seen:
            continue
        seen.add(name.lower())
        needs = [_NAME.match(need) for need in each.requires or () if "extra ==" not in need]
        licence = _field(each.metadata, "License-Expression") or _field(each.metadata, "License")
        first = licence.partition("\n")[0][:120]
        yield PythonPackage(name, each.version, first, tuple(need[0] for need in needs if need is not None))


def _field(about: metadata.PackageMetadata, name: str) -> str:
    """Empty where it is not there."""
    return str(about[name]).strip() if name in about else ""


def _processes(socket: Path) -> list[str]:
    """Of a gateway, if one answers."""
    try:
        with Client(socket) as client:
            processes = client.get("/v1/status")["processes"]
        return [str(each["pid"]) for each in processes if each.get("pid")]
    except (CommandError, KeyError, TypeError):
        return []


def _maps(pid: str) -> set[str]:
    """Shared objects in its memory; none where this user may not look."""
    try:
        lines = Path("/proc", pid, "maps").read_text("utf-8", "replace").splitlines()
    except OSError:
        return set()
    return {found[1] for line in lines if (found := _MAPPED.search(line)) is not None}


def _interpreter() -> str:
    return str(Path(sys.executable).resolve())


def _packages(files: Sequence[str]) -> tuple[tuple[SystemPackage, ...], tuple[str, ...]]:
    """Packages of dpkg that own the files, and the files of none."""
    if not files:
        return (), ()
    # on a merged /usr dpkg knows some files by the one name and some by the other
    names = {name: file for file in files for name in (file, file.removeprefix("/usr"), f"/usr{file}")}
    owners: dict[str, list[str]] = {}
    for line in _dpkg("--search", *names).splitlines():
        owner, _, name = line.partition(": ")
        file = names.get(name.strip(), "")
        if file and not any(file in owned for owned in owners.values()):
            owners.setdefault(owner.partition(",")[0].strip(), []).append(file)
    known = {file for owned in owners.values() for file in owned}
    return tuple(_shown(owners)), tuple(file for file in files if file not in known)


def _shown(owners: Mapping[str, Sequence[str]]) -> Iterator[SystemPackage]:
    """`owners` by the names that dpkg gives them, with the architecture behind a colon where there are several."""
    form = "--showformat=${binary:Package}\\t${Package}\\t${Version}\\t${Architecture}\\n"
    for line in _dpkg("--show", form, *owners).splitlines() if owners else ():
        key, name, version, architecture = line.split("\t")
        files = owners.get(key) or owners.get(f"{name}:{architecture}") or owners.get(name) or ()
        yield SystemPackage(name, version, architecture, tuple(files))


def _dpkg(*words: str) -> str:
    """What dpkg-query says, also where it does not find all of it; empty where there is no dpkg."""
    command = ["dpkg-query", *words]
    try:
        result = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout


def _distribution() -> tuple[str, str]:
    try:
        found = platform.freedesktop_os_release()
    except OSError:
        return "linux", ""
    return found.get("ID", "linux"), found.get("VERSION_ID", "")
