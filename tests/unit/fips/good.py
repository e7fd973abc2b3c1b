# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a machine where everything holds, and every single way to take something away: the ground of the verdict's
tests. Made up; no certificate of this number exists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from wolfguard.fips.facts import (
    TESTED,
    USER,
    VENDOR,
    Caveat,
    Certificate,
    Clock,
    Declaration,
    Environment,
    Facts,
    Gateway,
    GatewayState,
    Library,
    ListedEnvironment,
    Module,
    RunningProcess,
    Snapshot,
)
from wolfguard.fips.steps import Level

TODAY = date(2026, 11, 26)
NUMBER = 999_999
VERSION = "wolfCrypt v9.9.9"
TESTS = (("AES-GCM", "passed"), ("DRBG", "passed"))

MODULE = Module(VERSION, "AB" * 32, 0, 1)
LIBRARY = Library("5.9.2", "/lib/libwolfssl.so.45", "cd" * 32, "", "v6", "bundle", "bundle wolfssl-v6", MODULE, TESTS)
PROCESS = RunningProcess("keyd", "5.9.2", VERSION, "intact", TESTS, True)
GATEWAY = Gateway(GatewayState.ANSWERED, (PROCESS, replace(PROCESS, name="worker/0")))
CLOCK = Clock(TODAY, True, "the kernel's clock is synchronized")
ENVIRONMENT = Environment("Debian GNU/Linux 12", "6.1.0-40-amd64", "Example CPU 1", True, "cc 12.2.0")
ROW = ListedEnvironment("Debian GNU/Linux 12", "6.1", "Example CPU", True, "cc 12.2", TESTED)
CERTIFICATE = Certificate(
    NUMBER,
    "wolfCrypt",
    (VERSION,),
    "FIPS 140-3",
    "Active",
    TODAY + timedelta(days=900),
    (Caveat("approved-mode", "When operated in approved mode."), Caveat("generated-ssps", "No assurance.")),
    (ROW,),
    True,
)
SNAPSHOT = Snapshot(TODAY - timedelta(days=30), "a test", "the key of a test", (CERTIFICATE,), ())
DECLARATION = Declaration(
    NUMBER, "jitter entropy", "E999", (("approved-mode", "profile fips-strict"), ("generated-ssps", "see the source"))
)
FACTS = Facts(LIBRARY, GATEWAY, CLOCK, ENVIRONMENT, SNAPSHOT, "", DECLARATION, "")

Change = Callable[[Facts], Facts]


def library(**changes: Any) -> Change:
    return lambda facts: replace(facts, library=replace(facts.library, **changes))


def module(**changes: Any) -> Change:
    return lambda facts: replace(
        facts,
        library=replace(
            facts.library, module=None if facts.library.module is None else replace(facts.library.module, **changes)
        ),
    )


def first_process(**changes: Any) -> Change:
    return lambda facts: replace(
        facts,
        gateway=replace(
            facts.gateway,
            processes=tuple(
                replace(each, **changes) if number == 0 else each for number, each in enumerate(facts.gateway.processes)
            ),
        ),
    )


def gateway(**changes: Any) -> Change:
    return lambda facts: replace(facts, gateway=replace(facts.gateway, **changes))


def clock(**changes: Any) -> Change:
    return lambda facts: replace(facts, clock=replace(facts.clock, **changes))


def environment(**changes: Any) -> Change:
    return lambda facts: replace(facts, environment=replace(facts.environment, **changes))


def certificate(**changes: Any) -> Change:
    def change(facts: Facts) -> Facts:
        if facts.snapshot is None:
            return facts
        return replace(
            facts,
            snapshot=replace(
                facts.snapshot, certificates=tuple(replace(each, **changes) for each in facts.snapshot.certificates)
            ),
        )

    return change


def snapshot(**changes: Any) -> Change:
    return lambda facts: replace(facts, snapshot=None if facts.snapshot is None else replace(facts.snapshot, **changes))


def declaration(**changes: Any) -> Change:
    return lambda facts: replace(
        facts, declaration=None if facts.declaration is None else replace(facts.declaration, **changes)
    )


def row(**changes: Any) -> Change:
    return certificate(environments=(replace(ROW, **changes),))


# Each takes one thing away; the level is the highest that is left when it alone is gone.
LOSSES: dict[str, tuple[Level, Change]] = {
    "file differs from the manifest": (Level.NONE, library(problem="it differs")),
    "open source": (Level.NONE, library(flavour="open", declared="none")),
    "unheard-of declaration": (Level.NONE, library(declared="certified")),
    "no module": (Level.NONE, library(module=None)),
    "module without a name": (Level.NONE, module(version="")),
    "module in error": (Level.NONE, module(status=-203)),
    "module degraded": (Level.NONE, module(mode=2)),
    "module failed": (Level.NONE, module(mode=3)),
    "module not started": (Level.NONE, module(mode=0)),
    "no in-core hash": (Level.NONE, module(core_hash="")),
    "in-core hash of zeros": (Level.NONE, module(core_hash="0" * 64)),
    "in-core hash that is none": (Level.NONE, module(core_hash="xyz")),
    "self-tests not asked": (Level.NONE, library(self_tests=None)),
    "no self-tests": (Level.NONE, library(self_tests=())),
    "a self-test failed": (Level.NONE, library(self_tests=(*TESTS, ("HMAC", "failed")))),
    "a self-test in a state that nobody knows": (Level.NONE, library(self_tests=(("HMAC", "processing"),))),
    "a process has another library": (Level.NONE, first_process(library="5.8.4")),
    "a process has another module": (Level.NONE, first_process(module="")),
    "a process is not intact": (Level.NONE, first_process(integrity="its code differs")),
    "a process failed a self-test": (Level.NONE, first_process(self_tests=(("DRBG", "failed"),))),
    "a process made no self-test": (Level.NONE, first_process(self_tests=())),
    "a process maps another file": (Level.NONE, first_process(maps_this_file=False)),
    "library of a process unknown": (Level.NONE, first_process(library=None)),
    "module of a process unknown": (Level.NONE, first_process(module=None)),
    "integrity of a process unknown": (Level.NONE, first_process(integrity=None)),
    "self-tests of a process unknown": (Level.NONE, first_process(self_tests=None)),
    "mapping of a process unknown": (Level.NONE, first_process(maps_this_file=None)),
    "a process is silent": (Level.NONE, gateway(silent=("sessiond",))),
    "no process answers": (Level.NONE, gateway(processes=())),
    "gateway not asked": (Level.NONE, gateway(state=GatewayState.NOT_ASKED, processes=(), reason="not permitted")),
    "evaluation flavour": (Level.EVAL, library(flavour="ready", declared="eval")),
    "nothing declared": (Level.EVAL, lambda facts: replace(facts, declaration=None)),
    "declaration unreadable": (
        Level.EVAL,
        lambda facts: replace(facts, declaration=None, declaration_problem="it is not YAML"),
    ),
    "no gateway runs": (Level.BUNDLE, gateway(state=GatewayState.NOT_RUNNING, processes=())),
    "clock not kept": (Level.BUNDLE, clock(synchronized=False)),
    "clock unknown": (Level.BUNDLE, clock(synchronized=None)),
    "no list": (Level.BUNDLE, lambda facts: replace(facts, snapshot=None, snapshot_problem="not signed")),
    "list too old": (Level.BUNDLE, snapshot(taken=TODAY - timedelta(days=367))),
    "list from the future": (Level.BUNDLE, snapshot(taken=TODAY + timedelta(days=1))),
    "certificate not in the list": (Level.BUNDLE, snapshot(certificates=())),
    "another certificate declared": (Level.BUNDLE, declaration(certificate=4718)),
    "FIPS 140-2": (Level.BUNDLE, certificate(standard="FIPS 140-2")),
    "historical": (Level.BUNDLE, certificate(status="Historical")),
    "revoked": (Level.BUNDLE, certificate(status="Revoked")),
    "sunset yesterday": (Level.BUNDLE, certificate(sunset=TODAY - timedelta(days=1))),
    "sunset unknown": (Level.BUNDLE, certificate(sunset=None)),
    "version differs": (Level.BUNDLE, certificate(versions=("wolfCrypt v9.9.8",))),
    "version begins alike": (Level.BUNDLE, certificate(versions=(VERSION + "0",))),
    "versions unknown": (Level.BUNDLE, certificate(versions=())),
    "environment not listed": (Level.BUNDLE, certificate(environments=())),
    "environments incomplete": (Level.BUNDLE, certificate(environments=(), environments_complete=False)),
    "vendor-affirmed row": (Level.BUNDLE, row(affirmed=VENDOR)),
    "another system": (Level.BUNDLE, environment(system="Debian GNU/Linux 13")),
    "another kernel": (Level.BUNDLE, environment(kernel="6.12.1")),
    "a kernel that begins alike": (Level.BUNDLE, environment(kernel="6.10.1")),
    "another processor": (Level.BUNDLE, environment(processor="Other CPU")),
    "no acceleration": (Level.BUNDLE, environment(acceleration=False)),
    "acceleration unknown": (Level.BUNDLE, environment(acceleration=None)),
    "another compiler": (Level.BUNDLE, environment(compiler="clang 15")),
    "system unknown": (Level.BUNDLE, environment(system="")),
    "processor unknown": (Level.BUNDLE, environment(processor="")),
    "a caveat is not met": (Level.BUNDLE, declaration(caveats=(("approved-mode", "yes"),))),
    "a caveat has an empty answer": (
        Level.BUNDLE,
        declaration(caveats=(("approved-mode", "yes"), ("generated-ssps", ""))),
    ),
    "no entropy source": (Level.BUNDLE, declaration(entropy_source="")),
}

AFFIRMED = {
    "by the vendor": (VENDOR, "vendor-affirmed"),
    "by the site": (USER, "user-affirmed"),
}
