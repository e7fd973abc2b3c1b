# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine of a scenario installs from in place of mirrors: Debian packages, wheels, wolfSSL's source, bundles.

    python -m tests.appliance.store bundle RELEASE FILE

Owns keeping them in the cache by what they are made of; fetching is `wolfguard.appliance`'s, as for a site. Must not
know about containers or playbooks.
"""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.interop import roots
from wolfguard.appliance import debian, tree
from wolfguard.appliance import wheels as python
from wolfguard.appliance.system import MACHINES
from wolfguard.appliance.system import RELEASES as KNOWN

TREE = Path(__file__).resolve().parents[2]
CACHE = roots.CACHE.parent / "appliance"
# What is on a freshly installed server by itself, as far as Ansible and the roles meet it.
FRESH = (
    "systemd", "systemd-sysv", "dbus", "udev", "python3", "python3-apt", "openssh-server", "sudo", "iproute2", "procps",
    "kmod", "ca-certificates",
)  # fmt: skip
RELEASES = {name: roots.Root(f"fresh-{name}", name, FRESH) for name in ("bookworm", "trixie")}
SYSTEMS = {name: KNOWN[name].title for name in RELEASES}
ARCHITECTURE = next(name for name, machine in MACHINES.items() if machine == platform.machine())


def packages(release: str) -> tuple[str, ...]:
    """What bootstrap and the roles install, by the lists of theirs."""
    return tree.debian_packages(TREE, KNOWN[release])


def archive(release: str) -> Path:
    """A folder that apt takes as `deb [trusted=yes] file:FOLDER ./`. Raises LocalError."""
    names = packages(release)
    return _kept(
        f"packages-{release}",
        [ARCHITECTURE, *names],
        lambda partial: debian.collect(names, KNOWN[release], ARCHITECTURE, debian.own(), partial),
    )


def wheels(release: str) -> Path:
    """A folder for pip's `find-links`. Raises LocalError."""
    needed = tree.requirements(TREE)
    return _kept(
        f"wheels-{release}", needed, lambda partial: python.collect(needed, KNOWN[release], ARCHITECTURE, partial)
    )


def source() -> Path:
    """The folder of wolfSSL's source, which `fips/build` has left beside the package that runs these tests."""
    return roots.CACHE.parent / "source"


def bundle(release: str, target: Path) -> str:
    """Has the command of the installed package make a bundle; comes back with the SHA-384 that it tells."""
    command = [str(Path(sys.executable).with_name("wolfguard")), "appliance", "bundle", "--release", release, "--json"]
    words = ["--architecture", ARCHITECTURE, "--tree", str(TREE), "--output", str(target)]
    made = subprocess.run([*command, *words], check=True, stdout=subprocess.PIPE, text=True)
    return str(json.loads(made.stdout)["sha384"])


def _kept(name: str, facts: Sequence[str], make: Callable[[Path], object]) -> Path:
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


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["bundle", release, target]:
            print(bundle(release, Path(target)))
        case _:
            sys.exit(str(__doc__))
