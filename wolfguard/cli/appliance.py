# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard appliance bundle`: everything for a machine without a network, in one archive.

Owns the order of the steps, what is told meanwhile, and that a bundle is whole or absent. Fetching, listing and writing
are `wolfguard.appliance`'s; the reader that comes with the tree checks what was written before it gets its name.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from wolfguard.appliance import archive, debian, tree, wheels
from wolfguard.appliance.bill import bill
from wolfguard.appliance.debian import Archives
from wolfguard.appliance.system import MACHINES, RELEASES, Release
from wolfguard.audit import sbom
from wolfguard.cli import output
from wolfguard.cli.failure import CommandError
from wolfguard.cli.options import as_json, examples
from wolfguard.crypto.digest import digest, sha256
from wolfguard.errors import LocalError

READER: Final = Path("ansible", "roles", "system", "files", "bundle.py")
Say = Callable[[str], None]


@click.group(epilog=examples(("wolfguard appliance bundle --release trixie", "for a Debian 13 without a network")))
def command() -> None:
    """Prepare the appliance that the playbook ansible/site.yml makes."""


@command.command(
    epilog=examples(
        ("wolfguard appliance bundle --release trixie", "for Debian 13 on this architecture"),
        ("wolfguard appliance bundle --release bookworm --architecture arm64 --output vpn.tar", "for other machines"),
    )
)
@click.option("--release", "codename", required=True, type=click.Choice(list(RELEASES)), help="The machine's Debian.")
@click.option(
    "--architecture", default="amd64", show_default=True, type=click.Choice(list(MACHINES)), help="The machine's."
)
@click.option(
    "--tree", "source", default=Path(), type=click.Path(path_type=Path, file_okay=False), show_default="this folder",
    help="The gateway's source tree.",
)  # fmt: skip
@click.option("--output", "target", type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@click.option("--mirror", default="", help="Debian's archive; by default that of this machine's apt.")
@click.option("--security-mirror", default="", help="Debian's security archive, likewise.")
@as_json
def bundle(
    codename: str,
    architecture: str,
    source: Path,
    target: Path | None,
    mirror: str,
    security_mirror: str,
    as_json: bool,
) -> None:
    """Collect everything for a machine without a network into one archive.

    It holds the source tree, wolfSSL's source, wheels with a lock that names each by its hash, Debian packages with all
    that they depend on, a bill of materials (CycloneDX), and a manifest with size, SHA-256 and SHA-384 of every file.
    Needs a Debian machine with a network; changes nothing on it. The playbook takes it as wolfguard_bundle, and the
    printed SHA-384 as wolfguard_bundle_sha384.
    """
    release = RELEASES[codename]
    source = source.absolute()
    try:
        version = tree.version(source)
        archives = Archives(mirror.rstrip("/"), security_mirror.rstrip("/")) if mirror else debian.own()
        target = target or Path(f"wolfguard-appliance-{version}-{codename}-{architecture}.tar")
        if target.exists():
            raise LocalError(f"{target} is there already; name another file with --output")
        with tempfile.TemporaryDirectory(prefix=".wolfguard-bundle-", dir=target.absolute().parent) as scratch:
            facts = _make(Path(scratch), source, version, release, architecture, archives, as_json)
            (Path(scratch) / "bundle").rename(target)
    except (LocalError, OSError) as error:
        raise CommandError(str(error), as_json=as_json) from None
    size = target.stat().st_size
    if as_json:
        output.print_json({"file": str(target), "bytes": size, **facts})
        return
    rows = [("bundle", f"{target}, {output.size(size)}"), ("for", f"{release.title} ({codename}), {architecture}")]
    rows += [("holds", f"{facts['packages']} packages, {facts['wheels']} wheels, {facts['source']}")]
    if not archives.security:
        rows.append(("NOTE", "no security archive is known here, so security updates are missing: --security-mirror"))
    output.print_lines(output.pairs([*rows, ("SHA-384", facts["sha384"])]))


def _make(
    scratch: Path, source: Path, version: str, release: Release, architecture: str, archives: Archives, quiet: bool
) -> dict[str, Any]:
    """Everything into `scratch`/whole, and the archive beside it. Raises LocalError, OSError."""
    whole = scratch / "whole"
    for name in (archive.PACKAGES, archive.WHEELS, archive.SOURCE, Path(archive.TREE).parent):
        (whole / name).mkdir(parents=True)
    with _step("source tree", quiet):
        tree.pack(source, whole / archive.TREE)
    with _step("wolfSSL's source", quiet):
        wolfssl = tree.wolfssl(source)
        kept = whole / archive.SOURCE / wolfssl.path.name
        shutil.copyfile(wolfssl.path, kept)
        kept.with_name(f"{kept.name}.sha256").write_text(f"{wolfssl.sha256}\n")
    with _step("wheels", quiet):
        wheels.collect(tree.requirements(source), release, architecture, whole / archive.WHEELS)
        found = wheels.read(whole / archive.WHEELS)
        (whole / archive.WHEELS / wheels.LOCK).write_text(wheels.lock(found, sha256))
    with _step("Debian packages", quiet):
        names = tree.debian_packages(source, release)
        debian.collect(names, release, architecture, archives, whole / archive.PACKAGES)
        packages = debian.index(whole / archive.PACKAGES)
    moment = datetime.now(UTC)
    made = bill(version, release, wolfssl, found, packages, sha256)
    (whole / archive.BILL).write_bytes(sbom.render(made, moment))
    facts = {
        "product": sbom.PACKAGE,
        "version": version,
        "system": {"title": release.title, "codename": release.codename, "architecture": architecture},
        "archives": [archives.main, *filter(None, [archives.security])],
        "installs": list(names),
    }
    with _step("checksums", quiet) as say:
        listed = archive.manifest(whole, facts, moment, digest, lambda done, of: say(f"{done} of {of}"))
    with _step("archive", quiet):
        archive.write(whole, listed, scratch / "bundle")
    with _step("check", quiet):
        name = digest("sha384", listed).hex()
        _check(source, scratch / "bundle", name)
    return {
        "sha384": name,
        "packages": len(packages),
        "wheels": len(found),
        "source": f"wolfSSL {wolfssl.version} ({wolfssl.origin})",
    }


def _check(source: Path, made: Path, name: str) -> None:
    """By the reader that will read it. Raises LocalError."""
    command = [sys.executable, "-I", str(source / READER), "check", str(made), "--sha384", name]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        raise LocalError(f"what was written does not pass its own check: {result.stderr.strip()}")


@contextmanager
def _step(text: str, quiet: bool) -> Iterator[Say]:
    """Says on standard error what takes long, and how long it has taken."""
    begun = time.monotonic()
    live = sys.stderr.isatty() and not quiet

    def say(more: str) -> None:
        if live:
            click.echo(f"\r\x1b[K  {text} ... {more}", nl=False, err=True)

    if not quiet:
        click.echo(f"  {text} ...", nl=False, err=True)
    try:
        yield say
    except BaseException:
        if not quiet:
            click.echo(" failed", err=True)
        raise
    say("")
    if not quiet:
        click.echo(f" {time.monotonic() - begun:.0f} s", err=True)
