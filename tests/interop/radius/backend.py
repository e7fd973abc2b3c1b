# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend as authd makes it, with a keyd's signing service of its own, driven step by step."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.interop.radius.freeradius import SECRET
from tests.interop.radius.pki import SERVER_NAME, Pki
from wolfguard.config.site import Accounting, Backend, Radius, RadiusServer
from wolfguard.crypto.client import SignChannel
from wolfguard.crypto.signing import CLIENT_NUMBERS, SigningService
from wolfguard.ipc.factors import NO_CONTEXT, FactorAnswer, FactorStep
from wolfguard.ipc.logins import Peer
from wolfguard.policy.load import load_profile
from wolfguard.procs.authd.radius import RadiusBackend
from wolfguard.secret import Secret

KEY = CLIENT_NUMBERS.start


def udp(*ports: int, response: int = 2, accounting: Sequence[int] = ()) -> RadiusBackend:
    """`accounting`: ports of the servers that are told of sessions, if any is."""
    servers = tuple(RadiusServer("127.0.0.1", port, secret="/nowhere") for port in ports)
    told = tuple(RadiusServer("127.0.0.1", port, secret="/nowhere") for port in accounting)
    radius = Radius(
        servers,
        "udp",
        crypto_profile="compat",
        crypto=load_profile("compat"),
        response=response,
        accounting=Accounting(told) if told else None,
    )
    secrets = [Secret(SECRET)] * (len(ports) + len(accounting))
    return RadiusBackend(Backend("corp", "radius", radius=radius), secrets, SignChannel())


@contextmanager
def keyd(folder: Path, pki: Pki) -> Iterator[SignChannel]:
    """A signing service with the client's key, as keyd gives it to authd."""
    file = folder / "client.key"
    file.write_bytes(pki.client.key)
    service = SigningService(1000, allow_unlocked=True)
    service.load(KEY, os.open(file, os.O_RDONLY), pki.client.chain)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    service.serve_client(theirs.detach())
    channel = SignChannel()
    channel.set(ours.detach())
    yield channel
    service.close()


def tls(
    channel: SignChannel, pki: Pki, ports: Sequence[int], *, profile: str = "fips-hybrid", response: int = 5
) -> RadiusBackend:
    servers = tuple(RadiusServer("127.0.0.1", port, SERVER_NAME) for port in ports)
    radius = Radius(
        servers,
        crypto_profile=profile,
        crypto=load_profile(profile),
        response=response,
        authorities_pem=pki.authority.decode(),
        chain=pki.client.chain.decode(),
        number=KEY,
        accounting=Accounting(),
    )
    return RadiusBackend(Backend("corp", "radius", radius=radius), [], channel)


def step(user: str, password: str | bytes, *, context: Secret = NO_CONTEXT, number: int = 0) -> FactorStep:
    secret = password if isinstance(password, bytes) else password.encode()
    peer = Peer("192.0.2.7", 1234, "192.0.2.1", 443)
    answers = (("password", Secret(secret)),)
    return FactorStep("c1", "corp", number, "vpn", user, peer, "AnyConnect test", answers, context)


def says(answer: FactorAnswer) -> dict[str, str]:
    return {attribute.name: attribute.value for attribute in answer.attributes}
