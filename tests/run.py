# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every check and test in the order of what fails soonest; `./bootstrap test` calls it.

Owns the phases and their order. Each phase is a command that can be run alone. Words that are not ours go to pytest;
when they name files, nothing else runs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("WOLFGUARD_CACHE", "/var/cache/wolfguard-gateway"))
# CMake binds a build folder to one source folder, and a machine may hold several checkouts
BUILD = CACHE / "build" / hashlib.sha256(str(TREE).encode()).hexdigest()[:12]
BIN = Path(sysconfig.get_path("scripts"))
NATIVE = TREE / "wolfguard" / "engine" / "native"
FUZZ_SECONDS = 5
LOG_MODE = "--log-mode"
# Every process, every message (the first says so), every way of a packet, every client build, deaths, a renewal: what
# a minute of log mode can show. The whole of it runs with --log-mode.
LOG_MODE_SELECTION = (
    "tests/system/test_every_message.py",
    "tests/system/test_renewal.py::test_renewal_without_a_drop",
    "tests/interop/test_bad_input.py",
    "tests/interop/test_worker_death.py",
    "tests/interop/openconnect/test_session.py::test_session_timeout[bookworm-ipv4]",
    "tests/interop/openconnect/test_session.py::test_server_side_disconnect[trixie-ipv6]",
    "tests/interop/openconnect/test_datagrams.py::test_reconnect_after_cut[sid-ipv4]",
    "tests/interop/openconnect/test_datagrams.py::test_traffic_both_ways[openssl-ipv6]",
)


@dataclass(frozen=True, slots=True)
class Phase:
    """`fast` phases need no network namespace and no root file system."""

    name: str
    command: Sequence[str]
    fast: bool = True


def sanitized(name: str, sanitizers: str, library: Path | None = None) -> list[Phase]:
    """Configure, build and run the C tests under sanitizers, in a folder of their own outside the checkout. `library`:
    with the libwolfssl of that prefix instead of the installed one."""
    folder = str(BUILD / name)
    words = ["env", f"PKG_CONFIG_PATH={library}/lib/pkgconfig"] if library else []
    configure = [
        *words, "cmake", "-S", str(NATIVE), "-B", folder, "-DWGE_TESTS=ON", f"-DWGE_SANITIZE={sanitizers}",
        "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
    ]  # fmt: skip
    return [
        Phase(f"{name}: configure", configure),
        Phase(f"{name}: build", ["cmake", "--build", folder, "--parallel", str(os.cpu_count() or 1)]),
        Phase(
            f"{name}: run",
            ["ctest", "--test-dir", folder, "--output-on-failure", "--parallel", str(os.cpu_count() or 1)],
        ),
    ]


def like_v5() -> list[Phase]:
    """The C tests with a library that lacks what modules of the line v5 lack: ML-KEM, SHAKE, PBKDF2."""
    prefix = CACHE / "like-v5" / "wolfssl"
    build = [sys.executable, "fips/build", "--flavour", "open-like-v5", "--prefix", str(prefix), "--cache", str(CACHE)]
    return [Phase("like v5: library", build), *sanitized("like v5", "address,undefined", prefix)]


def fuzzing() -> list[Phase]:
    """Every libFuzzer target over its seeds and a few seconds beyond: that they run and find nothing at once."""
    folder = BUILD / "fuzz"
    targets = sorted(path.stem for path in (TREE / "tests" / "fuzz").glob("fuzz_*.c"))
    phases = [
        Phase("fuzz: configure", [
            "cmake", "-S", str(NATIVE), "-B", str(folder), "-DWGE_FUZZ=ON", "-DCMAKE_C_COMPILER=clang",
            "-DWGE_SANITIZE=address,undefined,fuzzer-no-link", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
        ]),
        Phase("fuzz: build", ["cmake", "--build", str(folder), "--parallel", str(os.cpu_count() or 1)]),
    ]  # fmt: skip
    for target in targets:
        seeds = TREE / "tests" / "fuzz" / "seeds" / target.removeprefix("fuzz_")
        corpus = folder / "corpus" / target
        corpus.mkdir(parents=True, exist_ok=True)
        options = [f"-max_total_time={FUZZ_SECONDS}", "-verbosity=0", f"-artifact_prefix={folder}/"]
        folders = [str(corpus), *([str(seeds)] if seeds.is_dir() else [])]
        phases.append(Phase(f"fuzz: {target}", [str(folder / target), *options, *folders]))
    return phases


def pytest(*words: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir={CACHE}/pytest", *words]


def spread(mode: str, *words: str) -> list[str]:
    """The same on every core. `mode` says what stays together: loadfile a file's tests, worksteal nothing."""
    return pytest("--numprocesses", str(os.cpu_count() or 1), "--dist", mode, *words)


def tracked(*patterns: str) -> list[str]:
    """Files that git tracks or would track, as words for a command line."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(command, cwd=TREE, check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for name in names if (TREE / name).is_file()]


def phases(words: Sequence[str], log_mode: bool) -> list[Phase]:
    mode = [LOG_MODE] if log_mode else []
    if any((TREE / word.partition("::")[0]).exists() for word in words):
        return [Phase("tests", pytest(*mode, *words))]
    if log_mode:
        return [Phase("log mode: all", pytest(*mode, *words, "tests/system", "tests/interop"), fast=False)]
    return [
        Phase("style", [str(BIN / "ruff"), "check"]),
        Phase("format", [str(BIN / "ruff"), "format", "--check"]),
        Phase("format: C", ["clang-format", "--dry-run", "--Werror", *tracked("*.c", "*.h")]),
        Phase("shell", ["shellcheck", "bootstrap", ".ci/run"]),
        Phase("types", [str(BIN / "mypy"), f"--cache-dir={BUILD}/mypy"]),
        Phase("layers", [sys.executable, "tests/layers.py"]),
        Phase("analyze: C", [sys.executable, "tests/analyze.py"]),
        *sanitized("address", "address,undefined"),
        *sanitized("thread", "thread"),
        *like_v5(),
        *fuzzing(),
        Phase("tests: unit, property, meta", spread("worksteal", *words, "tests/unit", "tests/property", "tests/meta")),
        Phase("tests: system, interop", spread("loadfile", *words, "tests/system", "tests/interop"), fast=False),
        Phase("log mode: selection", pytest(LOG_MODE, *words, *LOG_MODE_SELECTION), fast=False),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--fast", action="store_true", help="leave out what needs network namespaces")
    parser.add_argument(LOG_MODE, action="store_true", help="system and interop tests while filters log, not kill")
    parser.add_argument("--only", metavar="WORD", help="only phases whose name holds this word")
    options, words = parser.parse_known_args()
    # the installed package is what is tested, and confined users could not read a checkout anyway
    environment = {
        **os.environ,
        "PKG_CONFIG_PATH": str(Path(sys.prefix) / "wolfssl" / "lib" / "pkgconfig"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(CACHE / "hypothesis"),
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "RUFF_NO_CACHE": "true",
        "TSAN_OPTIONS": "halt_on_error=1",
    }
    started = time.monotonic()
    for phase in phases(words, options.log_mode):
        if (options.fast and not phase.fast) or (options.only and options.only not in phase.name):
            continue
        print(f"== {phase.name}", flush=True)
        begun = time.monotonic()
        code = subprocess.run(phase.command, cwd=TREE, env=environment, check=False).returncode
        outcome = "ok" if code == 0 else f"FAILED ({code})"
        print(f"== {phase.name}: {outcome}, {time.monotonic() - begun:.0f} s", flush=True)
        if code != 0:
            return 1
    print(f"== all phases passed in {time.monotonic() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
