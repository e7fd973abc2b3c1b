# SPDX-License-Identifier: GPL-3.0-or-later
"""clang's static analyzer over every C file of the engine; any finding fails.

Owns the choice of checkers. There is no list of accepted findings: code that the analyzer cannot follow is written so
that it can. PKG_CONFIG_PATH leads to libwolfssl, as for a build.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NATIVE = Path(__file__).resolve().parents[1] / "wolfguard" / "engine" / "native"
CHECKERS = ("core", "unix", "deadcode", "security")
# memcpy and snprintf with bounds of ours would all be findings: Annex K, which it asks for, exists nowhere
NOISE = ("security.insecureAPI.DeprecatedOrUnsafeBufferHandling",)


def command() -> list[str]:
    """All but the name of the file."""
    library = subprocess.run(["pkg-config", "--cflags", "wolfssl"], check=True, capture_output=True, text=True)
    words = ["clang", "--analyze", "--analyzer-output", "text", "-o", os.devnull, "-Xclang", "-analyzer-werror"]
    for option, names in (("-analyzer-checker", CHECKERS), ("-analyzer-disable-checker", NOISE)):
        words += ["-Xclang", f"{option}={','.join(names)}"]
    words += ["-std=gnu11", "-D_GNU_SOURCE", "-DPy_LIMITED_API=0x030b0000"]
    return [*words, f"-isystem{sysconfig.get_path('include')}", *library.stdout.split()]


def main() -> int:
    words = command()

    def analyze(source: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*words, str(source)], check=False, capture_output=True, text=True)

    # the longest first, so that no core waits for the other at the end
    sources = sorted(NATIVE.glob("*.c"), key=lambda path: path.stat().st_size, reverse=True)
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for answer in pool.map(analyze, sources):
            failed += answer.returncode != 0
            sys.stderr.write(answer.stderr)
    print(f"{len(sources)} files, findings in {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
