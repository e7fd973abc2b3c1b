# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine without a network installs the appliance from: Debian packages, wheels, wolfSSL's source.

Owns making and caching them for a Debian release. Packages come from the machine's own Debian archive, in a scratch
copy of the very root that they will be installed into, so that all they depend on is there. Must not know about
containers or playbooks.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from tests.interop import roots

TREE = Path(__file__).resolve().parents[2]
CACHE = roots.CACHE.parent / "appliance"
# What is on a freshly installed server by itself, as far as Ansible and the roles meet it.
FRESH = (
    "systemd", "systemd-sysv", "dbus", "udev", "python3", "python3-apt", "openssh-server", "sudo", "iproute2", "procps",
    "kmod", "ca-certificates",
)  # fmt: skip
RELEASES = {name: roots.Root(f"fresh-{name}", name, FRESH) for name in ("bookworm", "trixie")}
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
SYSTEMS = {"bookworm": "Debian 12", "trixie": "Debian 13"}
# bootstrap's make_environment installs these beside the package's own
EXTRAS = ("tools",)


def packages(release: str) -> tuple[str, ...]:
    """What bootstrap and the roles install, by the lists of theirs."""
    return tuple(sorted({*of_bootstrap(), *of_roles(release)}))


def of_bootstrap() -> tuple[str, ...]:
    command = [str(TREE / "bootstrap"), "packages"]
    return tuple(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def of_roles(release: str) -> tuple[str, ...]:
    system = yaml.safe_load((TREE / "ansible/roles/system/vars/main.yml").read_text("utf-8"))
    variable = re.sub(r"[{} ]", "", system["__system_map"][SYSTEMS[release]])
    return tuple(sorted({name for each in system[variable]["packages"].values() for name in each}))


def requirements() -> tuple[str, ...]:
    """What bootstrap installs from PyPI."""
    project = tomllib.loads((TREE / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    return (
        *project["build-system"]["requires"], *project["project"]["dependencies"],
        *(each for name in EXTRAS for each in extras[name]),
    )  # fmt: skip


def archive(release: str) -> Path:
    """A folder that apt takes as `deb [trusted=yes] file:FOLDER ./`. Raises CalledProcessError."""
    root = roots.make(RELEASES[release])
    names = packages(release)
    return kept(f"packages-{release}", [root.name, *names], lambda partial: download(root, names, partial))


def wheels(release: str) -> Path:
    """A folder for pip's `find-links`. Raises CalledProcessError."""
    needed = requirements()
    command = [
        sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--only-binary=:all:",
        "--python-version", PYTHONS[release], "--platform", "manylinux_2_34_x86_64", "--platform",
        "manylinux_2_28_x86_64", "--platform", "manylinux_2_17_x86_64", "--platform", "manylinux2014_x86_64",
    ]  # fmt: skip
    return kept(
        f"wheels-{release}",
        needed,
        lambda partial: subprocess.run([*command, "--dest", str(partial), *needed], check=True),
    )


def source() -> Path:
    """The folder of wolfSSL's source, which `fips/build` has left beside the package that runs these tests."""
    return roots.CACHE.parent / "source"


def download(root: Path, names: tuple[str, ...], partial: Path) -> None:
    """Everything that apt would fetch for these packages in this root, and an index of it."""
    script = (
        "apt-get -q update && apt-get -q -y --no-install-recommends --download-only"
        f" -o Dir::Cache::archives=/target install {' '.join(names)}"
    )
    overlay = (
        "mount -t tmpfs tmpfs /mnt && mkdir -p /mnt/upper /mnt/work /mnt/whole &&"
        ' mount -t overlay -o "lowerdir=$0,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/whole &&'
        ' mkdir /mnt/whole/target && mount --bind "$1" /mnt/whole/target && mkdir -p /mnt/whole/target/partial &&'
        ' shift && exec "$@"'
    )
    inside = [*roots.enter(Path("/mnt/whole")), "/bin/sh", "-c", script]
    private = ["unshare", "--mount", "--propagation", "private", "sh", "-c", overlay]
    subprocess.run([*private, str(root), str(partial), *inside], check=True)
    (partial / "lock").unlink(missing_ok=True)
    (partial / "partial").rmdir()
    index = subprocess.run(["dpkg-scanpackages", "."], cwd=partial, check=True, capture_output=True).stdout
    (partial / "Packages").write_bytes(index)


def kept(name: str, facts: Sequence[str], make: Callable[[Path], object]) -> Path:
    """The cached folder of these facts, made aside and renamed, so that it is complete or absent."""
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
    target = CACHE / f"{name}-{digest}"
    if not target.exists():
        partial = CACHE / f"{name}.partial"
        subprocess.run(["rm", "-rf", "--one-file-system", str(partial)], check=True)
        partial.mkdir(parents=True)
        make(partial)
        for old in CACHE.glob(f"{name}-*"):
            subprocess.run(["rm", "-rf", "--one-file-system", str(old)], check=True)
        partial.rename(target)
    return target
