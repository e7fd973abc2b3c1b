# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks: at the libwolfssl of this process, at the clock, at the machine. Everything here has the machine as its input.

Owns no judgement. What cannot be looked at becomes None or an empty text, never a guess.
"""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from wolfguard import _native
from wolfguard.crypto import library as loaded
from wolfguard.crypto import self_tests
from wolfguard.fips.facts import Clock, Environment, Library, Module
from wolfguard.fips.host import Host, OpenSsl
from wolfguard.linux import clock as kernel_clock
from wolfguard.linux import kernel_file

OPENSSL: Final = "/usr/bin/openssl"
OPENSSL_SECONDS: Final = 20
POLICY: Final = Path("/etc/crypto-policies/state/current")
CPU_FLAGS: Final = {"x86_64": "aes", "aarch64": "aes"}
ACCELERATED: Final = {"x86_64": "--enable-intelasm", "aarch64": "--enable-armasm"}


def library() -> tuple[Library, str, tuple[str, ...]]:
    """The library of this process, the compiler and the options of its build. Raises StartError when the loaded file
    cannot be read again."""
    identity = loaded.identify()
    try:
        manifest = loaded.read_manifest(Path(identity.path).parent / loaded.MANIFEST)
    except ValueError:
        manifest = {}  # identity.problem says so already
    module = _native.fips_module()
    found = Library(
        version=identity.version,
        path=identity.path,
        sha256=identity.sha256,
        problem=identity.problem,
        flavour=str(manifest.get("flavour", "unknown")),
        declared=str(manifest.get("verdict", "none")),
        source=identity.source,
        module=None if module is None else Module(*module),
        self_tests=tuple((test.name, test.state) for test in self_tests.observe().tests),
    )
    return found, str(manifest.get("compiler", "")), tuple(map(str, manifest.get("options", ())))


def clock() -> Clock:
    """Today in UTC, and whether the kernel says that its clock is kept."""
    today = datetime.now(UTC).date()
    try:
        found = kernel_clock.synchronization()
    except OSError as error:
        return Clock(today, None, f"the kernel does not say whether the clock is kept ({error.strerror})")
    if found.synchronized:
        return Clock(today, True, "the kernel's clock is synchronized")
    return Clock(today, False, f"nothing keeps the kernel's clock (adjtimex {found.state}, status {found.status:#x})")


def environment(compiler: str, options: tuple[str, ...]) -> Environment:
    """The machine as certificates describe one; `compiler` and `options` are those of the library's build."""
    machine = platform.machine()
    processor, flags = _processor()
    built = ACCELERATED.get(machine) in options
    acceleration = None if not flags else built and CPU_FLAGS.get(machine, "") in flags
    identifier, version = system()
    release = _os_release()
    name = release.get("NAME", identifier)
    return Environment(f"{name} {version}".strip(), platform.release(), processor, acceleration, compiler)


def host() -> Host:
    """What the machine says about FIPS. Runs openssl, where there is one, in a clean environment."""
    return Host(
        flag=kernel_file.read("/proc/sys/crypto/fips_enabled"),
        command_line=kernel_file.read("/proc/cmdline"),
        algorithms=kernel_file.read("/proc/crypto"),
        release=platform.release(),
        openssl=openssl(),
        policy=_policy(POLICY),
        system=system(),
    )


def openssl(program: str = OPENSSL) -> OpenSsl:
    """Asks the openssl command for its FIPS provider, which runs its self-tests when it is loaded."""
    version, problem = _run(program, "version")
    if problem:
        return OpenSsl("", False, False, problem)
    default, _ = _run(program, "list", "-providers")
    forced, refused = _run(program, "list", "-providers", "-provider", "fips")
    told = _provider(forced)
    good = not refused and "status: active" in told
    return OpenSsl(version.strip(), bool(_provider(default)), good, told or refused or "it lists none")


def system() -> tuple[str, str]:
    """ID and VERSION_ID of os-release, empty where there are none."""
    release = _os_release()
    return release.get("ID", ""), release.get("VERSION_ID", "")


def maps_file(pid: int, path: Path) -> bool | None:
    """Whether process `pid` maps the libwolfssl that is at `path` now; None where it may not be looked into or maps
    none."""
    try:
        facts = path.stat()
        maps = Path(f"/proc/{pid}/maps").read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    wanted = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}", str(facts.st_ino)
    fields = [line.split(maxsplit=5) for line in maps.splitlines()]
    found = {(each[3], each[4]) for each in fields if len(each) == 6 and Path(each[5]).name.startswith("libwolfssl")}
    return found == {wanted} if found else None


def _provider(listing: str) -> str:
    """The lines about the provider "fips" in one."""
    lines = listing.splitlines()
    for number, line in enumerate(lines):
        if line.strip() == "fips":
            return ", ".join(each.strip() for each in lines[number + 1 : number + 4])
    return ""


def _run(*command: str) -> tuple[str, str]:
    """What a command prints, and why it failed or nothing."""
    try:
        result = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=OPENSSL_SECONDS,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        )
    except OSError as error:
        return "", f"{command[0]}: {error.strerror}"
    except subprocess.TimeoutExpired:
        return "", f"{command[0]} did not answer in {OPENSSL_SECONDS} s"
    lines = result.stderr.strip().splitlines()
    return result.stdout, "" if result.returncode == 0 else (
        lines[0] if lines else f"it ended with {result.returncode}"
    )


def _policy(file: Path) -> str | None:
    try:
        lines = file.read_text("utf-8", "replace").split()
    except OSError:
        return None
    return lines[0] if lines else None


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _processor() -> tuple[str, frozenset[str]]:
    """Name and flags of the first processor, empty where the kernel tells none."""
    text = kernel_file.read("/proc/cpuinfo").text or ""
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    facts = {name.strip(): value.strip() for name, _, value in lines}
    flags = facts.get("flags") or facts.get("Features") or ""
    return facts.get("model name") or facts.get("CPU implementer", ""), frozenset(flags.split())
