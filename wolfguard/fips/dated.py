# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that compare with a certificate of a dated list: all belong to validated. Pure.

A clock that nothing has set makes every step that rests on a date unknown, and itself an error: a certificate that has
ended must not come back to life on a machine whose clock stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wolfguard.fips import environment
from wolfguard.fips.facts import Certificate, Clock, Declaration, Facts, Snapshot
from wolfguard.fips.steps import Level, Limits, Outcome, Step, met

ACTIVE: Final = "Active"
STANDARD: Final = "FIPS 140-3"
_NO_CERTIFICATE: Final = "no certificate of the list is declared"


def steps(facts: Facts, limits: Limits) -> Iterator[Step]:
    """In the order in which they are told."""
    declaration, snapshot = facts.declaration, facts.snapshot
    certificate = snapshot.certificate(declaration.certificate) if snapshot and declaration else None
    yield _clock(facts.clock)
    yield _list(facts)
    yield _age(snapshot, facts.clock, limits)
    yield _listed(declaration, snapshot, certificate)
    yield _status(certificate)
    yield _sunset(certificate, facts.clock)
    yield _version(certificate, facts)
    yield _environment(certificate, facts)
    yield _caveats(certificate, declaration)
    yield _entropy(declaration)


def _step(name: str, outcome: Outcome, evidence: str) -> Step:
    return Step(name, Level.VALIDATED, outcome, evidence)


def _clock(clock: Clock) -> Step:
    if clock.synchronized:
        return _step("clock", Outcome.MET, f"{clock.evidence}; today is {clock.today}")
    return _step("clock", Outcome.ERROR, f"{clock.evidence}: no date can be judged by it")


def _list(facts: Facts) -> Step:
    if facts.snapshot is None:
        return _step("list of certificates", Outcome.ERROR, facts.snapshot_problem or "there is none")
    found = facts.snapshot
    return _step("list of certificates", Outcome.MET, f"of {found.taken}, {found.source}, signed by {found.signer}")


def _age(snapshot: Snapshot | None, clock: Clock, limits: Limits) -> Step:
    name = "age of the list"
    if snapshot is None or not clock.synchronized:
        return _step(name, Outcome.UNKNOWN, "it needs the list and a clock that is set")
    days = (clock.today - snapshot.taken).days
    if days < 0:
        return _step(name, Outcome.ERROR, f"the list is of {snapshot.taken}, which has not come yet")
    return _step(name, met(days <= limits.refuse_days), f"{days} days, at most {limits.refuse_days} count")


def _listed(declaration: Declaration | None, snapshot: Snapshot | None, certificate: Certificate | None) -> Step:
    name = "certificate"
    if declaration is None:
        return _step(name, Outcome.UNMET, "none is declared")
    if snapshot is None:
        return _step(name, Outcome.UNKNOWN, f"certificate {declaration.certificate} cannot be looked up without a list")
    if certificate is None:
        return _step(name, Outcome.UNMET, f"certificate {declaration.certificate} is not in the list")
    text = f"certificate {certificate.number}, {certificate.module}, {certificate.standard}"
    return _step(name, met(certificate.standard == STANDARD), text)


def _status(certificate: Certificate | None) -> Step:
    if certificate is None:
        return _step("status", Outcome.UNKNOWN, _NO_CERTIFICATE)
    return _step("status", met(certificate.status == ACTIVE), certificate.status)


def _sunset(certificate: Certificate | None, clock: Clock) -> Step:
    if certificate is None:
        return _step("sunset", Outcome.UNKNOWN, _NO_CERTIFICATE)
    if certificate.sunset is None:
        return _step("sunset", Outcome.UNKNOWN, "the list has no sunset date of it")
    if not clock.synchronized:
        return _step("sunset", Outcome.UNKNOWN, f"{certificate.sunset}; not judged by a clock that is not set")
    left = (certificate.sunset - clock.today).days
    told = f"{left} days left" if left >= 0 else f"over since {-left} days"
    return _step("sunset", met(left >= 0), f"{certificate.sunset}, {told}")


def _version(certificate: Certificate | None, facts: Facts) -> Step:
    name = "module version"
    if certificate is None:
        return _step(name, Outcome.UNKNOWN, _NO_CERTIFICATE)
    if facts.library.module is None:
        return _step(name, Outcome.UNMET, "there is no module")
    if not certificate.versions:
        return _step(name, Outcome.UNKNOWN, f"the list has no version string of certificate {certificate.number}")
    found = facts.library.module.version
    text = f"the module is {found or 'nameless'}, the certificate is of {', '.join(certificate.versions)}"
    return _step(name, met(found in certificate.versions), text)


def _environment(certificate: Certificate | None, facts: Facts) -> Step:
    name = "operating environment"
    if certificate is None:
        return _step(name, Outcome.UNKNOWN, f"{environment.told(facts.environment)}; {_NO_CERTIFICATE}")
    outcome, evidence = environment.compare(facts.environment, certificate, facts.declaration)
    return _step(name, outcome, evidence)


def _caveats(certificate: Certificate | None, declaration: Declaration | None) -> Step:
    if certificate is None or declaration is None:
        return _step("caveats", Outcome.UNKNOWN, _NO_CERTIFICATE)
    answers = dict(declaration.caveats)
    open_ones = [f"{each.name} ({each.text})" for each in certificate.caveats if not answers.get(each.name)]
    if open_ones:
        return _step("caveats", Outcome.UNMET, f"the site does not say how it meets {'; '.join(open_ones)}")
    told = [f"{each.name}: the site says {answers[each.name]!r}" for each in certificate.caveats]
    return _step("caveats", Outcome.MET, "; ".join(told) or "it has none")


def _entropy(declaration: Declaration | None) -> Step:
    if declaration is None or not declaration.entropy_source:
        return _step("entropy source", Outcome.UNMET, "the site names none")
    under = declaration.entropy_certificate
    text = f"{declaration.entropy_source}, " + (
        f"entropy certificate {under}" if under else "under no entropy certificate"
    )
    return _step("entropy source", Outcome.MET, f"the site says {text}")
