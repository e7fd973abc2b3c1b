# SPDX-License-Identifier: GPL-3.0-or-later
"""README's commands on a Debian that has nothing else: `./bootstrap test --fresh RELEASE [WORDS...]`.

Owns the fresh system: a minimal root as it comes from the archive, in systemd-nspawn with the options that README
names and this host's network, and a clone of what is committed here. Words go to the inner `./bootstrap test`, which
runs the fast tests where there are none: no container lets its root read filters of other processes or boot machines,
as some of the others do. What it takes from this machine is how packages are fetched: apt's and pip's settings and the
certificates of authorities. A release has compilers, an interpreter and a systemd of its own, which is what it is for.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from tests.interop import roots
from tests.system.machine import ENVIRONMENT, OPTIONS, RELEASES

TREE = Path(__file__).resolve().parents[1]
INSIDE = "root/wolfguard"
# What somebody has who is about to follow README: sudo by its first word, git for the clone.
PACKAGES = ("ca-certificates", "git", "sudo", "systemd")
FETCHING = (
    "etc/apt/apt.conf.d", "etc/pip.conf", "etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt",
    "usr/local/share/ca-certificates",
)  # fmt: skip


def make(release: str) -> Path:
    """A copy of the cached root, so that nothing of an earlier run is in it."""
    cached = roots.make(roots.Root(f"bare-{release}", release, PACKAGES))
    root = roots.CACHE / f"fresh-{release}.running"
    remove(root)
    subprocess.run(["cp", "--archive", "--one-file-system", str(cached), str(root)], check=True)
    for name in FETCHING:
        _take(Path("/") / name, root / name)
    # as every machine has one
    (root / "etc" / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(TREE), str(root / INSIDE)], check=True)
    return root


def _take(source: Path, target: Path) -> None:
    """What the root has of its own stays beside it."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def remove(root: Path) -> None:
    subprocess.run(["rm", "-rf", "--one-file-system", str(root)], check=True)


def inside(root: Path, command: str) -> int:
    words = [
        "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--as-pid2", f"--machine=fresh-{os.getpid()}",
        f"--directory={root}", "--resolv-conf=off", "--console=pipe", *OPTIONS, f"--chdir=/{INSIDE}",
        "sh", "-c", command,
    ]  # fmt: skip
    # from a folder that the container cannot be asked to hold
    return subprocess.run(words, cwd="/", env=ENVIRONMENT, stdin=subprocess.DEVNULL, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="./bootstrap test --fresh", description=__doc__)
    parser.add_argument("release", choices=sorted(RELEASES))
    options, words = parser.parse_known_args()
    root = make(options.release)
    outcomes = []
    for command in ("./bootstrap demo", shlex.join(["./bootstrap", "test", *(words or ["--fast"])])):
        print(f"== {options.release}: {command}", flush=True)
        begun = time.monotonic()
        code = inside(root, command)
        outcomes.append(f"{command}: {'ok' if code == 0 else f'FAILED ({code})'}, {time.monotonic() - begun:.0f} s")
        if code:
            print("\n".join(outcomes), f"the root stays to be looked at: {root}", sep="\n")
            return 1
    remove(root)
    print("\n".join(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
