# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this machine is one of the operating environments of a certificate. Pure.

A row that the laboratory tested is the only pass. What the vendor affirms, or the site's own people, is told with its
reference and is none: who ports a module keeps its certificate, but CMVP makes no statement about it there.
"""

from __future__ import annotations

from wolfguard.fips.facts import TESTED, VENDOR, Certificate, Declaration, Environment, ListedEnvironment
from wolfguard.fips.steps import Outcome


def told(found: Environment) -> str:
    """The machine in words."""
    use = {True: "with", False: "without", None: "perhaps with"}[found.acceleration]
    compiler = found.compiler or "an unknown compiler"
    kernel, processor = found.kernel or "of unknown version", found.processor or "an unknown processor"
    system = found.system or "an unknown system"
    return f"{system}, kernel {kernel}, {processor} {use} cryptographic instructions, {compiler}"


def compare(found: Environment, certificate: Certificate, declaration: Declaration | None) -> tuple[Outcome, str]:
    """MET for a tested row alone. UNKNOWN when the list does not have all rows, or the machine could not be seen."""
    here = told(found)
    rows = [row for row in certificate.environments if _is(found, row)]
    if any(row.affirmed == TESTED for row in rows):
        return Outcome.MET, f"{here}: tested under certificate {certificate.number}"
    by_vendor = any(row.affirmed == VENDOR for row in rows)
    if by_vendor or (declaration and declaration.affirmed == VENDOR):
        reference = "a row of the certificate" if by_vendor or declaration is None else declaration.reference
        return Outcome.UNMET, f"{here}: vendor-affirmed ({reference}), so not validated here"
    if declaration and declaration.affirmed:
        return Outcome.UNMET, f"{here}: user-affirmed ({declaration.reference}), so not validated here"
    if not (found.system and found.processor) or found.acceleration is None:
        return Outcome.UNKNOWN, f"{here}: not all of it could be looked at"
    if not certificate.environments_complete:
        return Outcome.UNKNOWN, f"{here}: the list does not have all environments of certificate {certificate.number}"
    return Outcome.UNMET, f"{here}: not listed by certificate {certificate.number}"


def _is(found: Environment, row: ListedEnvironment) -> bool:
    return (
        bool(found.system and found.processor)
        and found.system == row.system
        and _begins(found.kernel, row.kernel)
        and row.processor in found.processor
        and found.acceleration is row.acceleration
        and _begins(found.compiler, row.compiler)
    )


def _begins(found: str, wanted: str) -> bool:
    """A release begins with the one that a row names, and ends there or goes on behind a dot, dash or space."""
    return not wanted or found == wanted or found.startswith(tuple(wanted + mark for mark in ".- "))
