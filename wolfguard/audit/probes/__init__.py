# SPDX-License-Identifier: GPL-3.0-or-later
"""The closed list of probes, one module a kind. A probe takes a vantage and arguments and says what it saw.

It changes nothing (but `session`, which ends what it begins), it reads within limits (`place`), it puts no secret into
what it says, and it raises Unobservable where it could not look. policies/schema/probes.yml says what each takes and
sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.probes import (
    accounts,
    audit_system,
    certificate,
    clock,
    confinement,
    files,
    finished,
    fips,
    firewall,
    forwarding,
    gateway,
    greetings,
    handshake,
    installation,
    kernel,
    modes,
    mounts,
    packages,
    pam,
    parameters,
    processes,
    registers,
    selinux,
    services,
    session,
    settings,
    sockets,
    sudo,
    trail,
    web,
)
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.rule import Look

Probe = Callable[[Vantage, Mapping[str, Any]], Observation]

PROBES: Final[Mapping[str, Probe]] = {
    "kernel-parameter": parameters.one,
    "kernel-parameters-lasting": parameters.lasting,
    "kernel-command-line": kernel.command_line,
    "kernel-modules": kernel.modules,
    "processor-weaknesses": kernel.weaknesses,
    "mount": mounts.mount,
    "swap": mounts.swap,
    "covered-kernel-files": mounts.covered,
    "file": files.file,
    "tree": files.tree,
    "file-modes": modes.loose,
    "greeting": greetings.told,
    "service": services.service,
    "processes": processes.running,
    "sockets": sockets.listening,
    "firewall": firewall.ruleset,
    "confinement": confinement.compared,
    "fips": fips.verdict,
    "gateway": gateway.status,
    "handshake": handshake.answer,
    "datagrams": handshake.datagrams,
    "finished-handshake": finished.handshake,
    "certificate": certificate.chain,
    "web": web.answered,
    "session": session.lived,
    "records": trail.newest,
    "forwarding": forwarding.targets,
    "accounts": accounts.all_accounts,
    "gateway-accounts": accounts.of_the_gateway,
    "account-files": registers.compared,
    "sudo": sudo.files,
    "pam": pam.modules,
    "setting": settings.setting,
    "ssh": settings.ssh,
    "audit-system": audit_system.kernel_audit,
    "clock": clock.kept,
    "selinux": selinux.state,
    "packages": packages.verified,
    "installed-packages": packages.installed,
    "installation": installation.files,
}


TURNS: Final[Mapping[str, int]] = {
    "session": 1, "handshake": 2, "finished-handshake": 2, "datagrams": 2, "certificate": 2, "web": 2,
}  # fmt: skip
"""Who speaks to a listener begins when all others have begun, so that what a login brings about (a session, its route,
records) is not taken for the state of the machine; the longest of them first."""


def observe(look: Look, vantage: Vantage) -> Observation:
    """What the probe of this look sees; that it could not is an observation too."""
    try:
        found = PROBES[look.probe](vantage, dict(look.arguments))
    except Unobservable as error:
        return Observation(None, look.probe, encodable(str(error)))
    return replace(found, seen=encodable(found.seen), source=encodable(found.source))


def encodable(value: Any) -> Any:
    """The same with text that every report can encode: names of files can hold bytes that are no UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, tuple | list):
        return tuple(encodable(each) for each in value)
    if isinstance(value, Mapping):
        return {encodable(name): encodable(each) for name, each in value.items()}
    return value
