# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine itself says about FIPS: kernel, OpenSSL, crypto policy, modules of its distribution. Pure.

None of it moves the verdict on our module: a kernel with fips=1 switches libwolfssl neither on nor off. But it is what
other programs beside the gateway rest on, and a flag that was faked says that somebody wanted a report to be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wolfguard.fips.facts import ListedSystem
from wolfguard.linux.kernel_file import KernelFile

ON: Final = "on"
OFF: Final = "off"
FAKED: Final = "contradictory"
UNKNOWN: Final = "unknown"
CONTRADICTION: Final = "kernel, contradiction"
"""Name of a finding that says what speaks against the kernel's flag."""

MARKED_SINCE: Final = (6, 3)
"""Since this Linux, /proc/crypto marks each algorithm with a line "fips" while the kernel is in FIPS mode."""


@dataclass(frozen=True, slots=True)
class OpenSsl:
    """`version` is empty where there is no openssl command. `by_default`: its configuration loads the FIPS provider.
    `self_tested`: the provider loads, which it refuses when its integrity or known-answer tests fail. `told` is what it
    says of the provider."""

    version: str
    by_default: bool
    self_tested: bool
    told: str


@dataclass(frozen=True, slots=True)
class Host:
    """`release` is the kernel's; `policy` is the system-wide crypto policy, None where the system has none; `system` is
    ID and VERSION_ID of os-release."""

    flag: KernelFile
    command_line: KernelFile
    algorithms: KernelFile
    release: str
    openssl: OpenSsl
    policy: str | None
    system: tuple[str, str]


@dataclass(frozen=True, slots=True)
class HostReport:
    """`kernel` is ON, OFF, FAKED or UNKNOWN; `findings` are (name, sentence), those about the kernel first."""

    kernel: str
    findings: tuple[tuple[str, str], ...]


def report(host: Host, systems: tuple[ListedSystem, ...] | None) -> HostReport:
    """`systems` is the snapshot's list, None where it cannot be used."""
    against = list(_contradictions(host))
    if against:
        kernel = FAKED
    elif host.command_line.text is None:
        kernel = UNKNOWN
    else:
        kernel = ON if _flag(host) else OFF
    findings = [("kernel", _kernel(host, kernel)), *((CONTRADICTION, text) for text in against)]
    findings += [("OpenSSL", _openssl(host.openssl)), ("crypto policy", host.policy or "the system has none")]
    return HostReport(kernel, (*findings, ("distribution", _distribution(host.system, systems))))


def asked_for(command_line: str) -> bool:
    """Whether the kernel's command line says fips=1. The last one counts, and what stands behind "--" is init's."""
    words = command_line.split(" -- ")[0].split()
    values = [word.removeprefix("fips=") for word in words if word.startswith("fips=")]
    return bool(values) and values[-1].isdigit() and int(values[-1]) != 0


def _flag(host: Host) -> bool:
    return host.flag.text is not None and host.flag.text.strip() == "1"


def _contradictions(host: Host) -> Iterator[str]:
    for file in (host.flag, host.command_line, host.algorithms):
        if file.problem:
            yield file.problem
    flag = _flag(host)
    if host.command_line.text is not None and asked_for(host.command_line.text) != flag:
        said = "says" if asked_for(host.command_line.text) else "does not say"
        yield f"the kernel's command line {said} fips=1, but {host.flag.path} {_flag_told(host)}"
    if host.algorithms.text is not None:
        marked = re.search(r"^fips\s*:", host.algorithms.text, re.MULTILINE) is not None
        if marked and not flag:
            yield f"{host.algorithms.path} marks algorithms as in FIPS mode, but {host.flag.path} {_flag_told(host)}"
        if flag and not marked and _version(host.release) >= MARKED_SINCE:
            yield f"{host.flag.path} is 1, but {host.algorithms.path} marks no algorithm as Linux {host.release} would"


def _flag_told(host: Host) -> str:
    return "is not there" if host.flag.text is None else f"is {host.flag.text.strip()[:16]!r}"


def _kernel(host: Host, state: str) -> str:
    told = f"{host.flag.path} {_flag_told(host)}, Linux {host.release}"
    return {
        ON: f"FIPS mode is on ({told})",
        OFF: f"FIPS mode is off ({told})",
        FAKED: f"what it says cannot be believed ({told})",
        UNKNOWN: f"its command line cannot be read ({told})",
    }[state]


def _openssl(found: OpenSsl) -> str:
    if not found.version:
        return "there is no openssl command to ask"
    if not found.self_tested:
        return f"{found.version}: no FIPS provider that loads ({found.told})"
    use = "its configuration loads it" if found.by_default else "but its configuration does not load it"
    return f"{found.version}: the FIPS provider loads, so its self-tests passed ({found.told}), {use}"


def _distribution(system: tuple[str, str], systems: tuple[ListedSystem, ...] | None) -> str:
    name = " ".join(system).strip() or "unknown"
    if systems is None:
        return f"{name}: there is no list to look it up in"
    listed = [each for each in systems if each.id == system[0] and each.version in ("", system[1])]
    if not listed:
        return f"{name}: the list says nothing about it"
    modules = [module for each in listed for module in each.modules]
    if not modules:
        return f"{name}: it has no validated module of its own, neither kernel nor OpenSSL"
    return f"{name}: modules in the list: {', '.join(f'{each.name} #{each.number}' for each in modules)}"


def _version(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", release)[:2])
