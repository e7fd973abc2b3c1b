# SPDX-License-Identifier: GPL-3.0-or-later
"""keyd: holds the private keys and signs digests, and nothing else: with those of certificates for workers and authd,
with the key of checkpoints for sessiond, with the key of evidence for mgmtd.

A process of its own, so that a captured worker can have signatures while it lives but never a key, and so that nothing
slow delays a handshake. It sees digests only: what it can bound is their form, the keys a channel may use and the rate.
The keys of checkpoints and of evidence are in key servers of their own, each with one caller, one form of digest and a
low rate: whoever may ask for one kind of signature cannot even name a key of another.
Keys arrive as open descriptors, in the order of their numbers; requests are served by C threads, Python only sets up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from wolfguard.config.site import Certificate, Configuration
from wolfguard.crypto.public_key import from_pem
from wolfguard.crypto.signing import (
    CHECKPOINT_NUMBER,
    CLIENT_NUMBERS,
    EVIDENCE_NUMBER,
    TLS_NUMBERS,
    SigningService,
)
from wolfguard.errors import LocalError, StartError
from wolfguard.procs.child import Child, Started, run
from wolfguard.procs.log import Log
from wolfguard.sandbox import weakening

# Each handshake thread has a channel of its own and cannot finish more handshakes than this on one core.
SIGNATURES_PER_SECOND: Final = 4000
WATCH_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class OwnUse:
    """A key with which the gateway signs what it says itself: `caller` alone may, so many times a second."""

    name: str
    caller: str
    number: int
    signatures_per_second: int


OWN_USES: Final = (
    OwnUse("checkpoint", "sessiond", CHECKPOINT_NUMBER, 10),
    OwnUse("evidence", "mgmtd", EVIDENCE_NUMBER, 2),
)

events = Log(__name__)


class Keyd(Child):
    """Keys of the configuration before stay until the next one: while workers change over one by one, both are asked
    for. The supervisor gives the keys of one configuration other numbers than those of the one before."""

    process: ClassVar[str] = "keyd"

    def __init__(self) -> None:
        self._service: SigningService | None = None
        self._own: dict[str, tuple[OwnUse, SigningService]] = {}
        """By caller."""
        self._allow_unlocked = False
        self._numbers: frozenset[int] = frozenset()
        self._numbers_before: frozenset[int] = frozenset()

    async def prepare(self, start: Started) -> None:
        self._allow_unlocked = weakening.UNLOCKED_KEYS in start.configuration.confinement.allow
        self._service = SigningService(SIGNATURES_PER_SECOND, allow_unlocked=self._allow_unlocked)
        self._take(start)
        self._take_own(start)
        # What was possible at the start stays a duty: what the facts say of the memory holds for every later key too.
        self._allow_unlocked = any(service.unlocked for service in self._services())

    def facts(self) -> weakening.Facts:
        unlocked = any(service.unlocked for service in self._services())
        return ((weakening.KEY_MEMORY, weakening.KEY_MEMORY_UNLOCKED if unlocked else weakening.KEY_MEMORY_LOCKED),)

    async def reconfigure(self, started: Started) -> tuple[str, ...]:
        self._take(started)
        return ()

    async def attached_raw(self, peer: str, slot: int, index: int, fd: int) -> None:
        if peer not in ("worker", "authd", *self._own):
            os.close(fd)
            events.error("sign_channel_refused", peer=peer, slot=slot, reason="there is no key for it")
            return
        try:
            if peer == "worker":
                self._ready_service().serve_tls(fd)
            elif peer == "authd":
                self._ready_service().serve_client(fd)
            else:
                use, service = self._own[peer]
                service.serve_one(fd, use.number)
        except LocalError as error:
            events.error("sign_channel_refused", peer=peer, slot=slot, reason=str(error))

    async def serve(self) -> None:
        """Watches the counters: a refusal is the work of a broken or captured worker and belongs into the log."""
        before = self._counters()
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await self.stopping.wait()
            before = self._report(before)

    async def stop(self, drain: bool) -> None:
        for service in self._services():
            service.close()
        self._service, self._own = None, {}

    def _services(self) -> Iterator[SigningService]:
        if self._service is not None:
            yield self._service
        yield from (service for _, service in self._own.values())

    def _ready_service(self) -> SigningService:
        if self._service is None:
            raise StartError("keyd has no keys yet: a channel came before its start")
        return self._service

    def _report(self, before: dict[str, int]) -> dict[str, int]:
        if self._service is None:
            return before
        now = self._counters()
        grown = {name: now[name] - before[name] for name in now if now[name] > before[name]}
        refused = {name: count for name, count in grown.items() if name.startswith("refused_")}
        if refused:
            events.warning("signatures_refused", **refused)
        return now

    def _counters(self) -> dict[str, int]:
        """Sums over all key servers."""
        found = [service.counters() for service in self._services()]
        return {name: sum(each[name] for each in found) for name in found[0]}

    def _take_own(self, started: Started) -> None:
        """The keys of checkpoints and evidence, of which there is one each for as long as the gateway runs. Raises
        StartError."""
        own = started.configuration.own_keys
        wanted = [(use, public) for use in OWN_USES if (public := getattr(own, use.name))]
        descriptors = list(started.descriptors.get("own", []))
        if len(descriptors) != len(wanted):
            _close(descriptors)
            raise StartError(f"{len(descriptors)} keys of the gateway itself came, not {len(wanted)}")
        for use, public in wanted:
            service = SigningService(use.signatures_per_second, allow_unlocked=self._allow_unlocked, p384_only=True)
            self._own[use.caller] = (use, service)
            try:
                service.load_pair(use.number, descriptors.pop(0), from_pem(public.encode()))
            except LocalError as error:
                _close(descriptors)
                where = f"{started.configuration.paths.keys}/{use.name}"
                raise StartError(f"private key {where}.key for {where}.pub: {error}") from None
        events.info("own_keys_loaded", names=",".join(use.name for use, _ in wanted))

    def _take(self, started: Started) -> None:
        """All keys or none: they are tried in a service aside before any is replaced. Raises StartError."""
        certificates = numbered_certificates(started.configuration)
        descriptors = list(started.descriptors.get("key", []))
        if len(descriptors) != len(certificates):
            _close(descriptors)
            raise StartError(f"{len(descriptors)} private keys came for {len(certificates)} certificates")
        trial = SigningService(1, allow_unlocked=self._allow_unlocked)
        try:
            _load(trial, certificates, [os.dup(descriptor) for descriptor in descriptors])
        except LocalError:
            _close(descriptors)
            raise
        finally:
            trial.close()
        service = self._ready_service()
        _load(service, certificates, descriptors)
        numbers = frozenset(certificate.number for certificate in certificates)
        for number in self._numbers_before - self._numbers - numbers:
            service.unload(number)
        self._numbers_before, self._numbers = self._numbers, numbers
        events.info("keys_loaded", count=len(numbers), generation=started.generation)


def numbered_certificates(configuration: Configuration) -> tuple[Certificate, ...]:
    """All certificates in the order of their numbers, which is that of the "key" descriptors. Raises StartError."""
    servers = sorted(
        (certificate for site in configuration.sites for certificate in site.certificates),
        key=lambda certificate: certificate.number,
    )
    clients = [
        Certificate(backend.radius.certificate, backend.radius.key, backend.radius.number, backend.radius.chain)
        for backend in configuration.backends
        if backend.radius is not None and backend.radius.key
    ]
    for certificates, space in ((servers, TLS_NUMBERS), (clients, CLIENT_NUMBERS)):
        numbers = [certificate.number for certificate in certificates]
        if len(numbers) != len(set(numbers)) or not all(number in space for number in numbers):
            text = f"the certificates need different numbers from {space.start} to {space.stop - 1}: have fewer of them"
            raise StartError(text)
    return (*servers, *clients)


def _load(service: SigningService, certificates: Sequence[Certificate], descriptors: list[int]) -> None:
    """Takes over all descriptors. Raises StartError naming key and certificate."""
    waiting = list(descriptors)
    try:
        for certificate in certificates:
            try:
                service.load(certificate.number, waiting.pop(0), certificate.chain.encode("utf-8"))
            except LocalError as error:
                raise StartError(
                    f"private key {certificate.key} for certificate {certificate.certificate}: {error}"
                ) from None
    finally:
        _close(waiting)


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(run(Keyd()))
