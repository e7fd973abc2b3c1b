# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit looks at, put together: the place, how its gateway is asked, what vouches for the result.

Owns the difference between this machine and another one. Of another one the gateway, the verdict on its module and its
bill of materials are asked there, over the same channel; handshakes go from here.
"""

from __future__ import annotations

import json
import re
import socket as sockets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final, Generic, TypeVar

import wolfguard
from wolfguard.audit import sbom
from wolfguard.audit.far.channel import Channel
from wolfguard.audit.far.place import FarPlace
from wolfguard.audit.local import Local
from wolfguard.audit.observation import Unobservable
from wolfguard.audit.place import Missing, Program
from wolfguard.audit.vantage import Json, Listener, Vantage
from wolfguard.cli import audit_sbom, fips, reach
from wolfguard.cli.client import ANSWER_MAX, Client
from wolfguard.cli.events import NEWEST
from wolfguard.cli.failure import CommandError
from wolfguard.cli.reach import Target, Ways
from wolfguard.errors import ConfigurationError, WolfguardError

PREFIX: Final = "/opt/wolfguard-gateway"
_EXCHANGE_SECONDS: Final = 20.0
_LISTENER: Final = re.compile(r"\[(?P<six>[0-9A-Fa-f:.]+)\]:(?P<port6>\d{1,5})|(?P<host>[^:\[\]/]+):(?P<port>\d{1,5})")
_EVERY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Beside:
    """What a result is kept with: `ask` makes a client of the gateway that was looked at, `parts` its bill of materials
    as bytes and raises LocalError or Unobservable."""

    ask: Callable[[], Client]
    parts: Callable[[datetime], bytes]


@dataclass(frozen=True, slots=True)
class Subject:
    """`open` finds out whether the place can be reached at all, `close` leaves it; neither raises."""

    name: str
    vantage: Callable[[], Vantage]
    beside: Beside
    open: Callable[[], None]
    close: Callable[[], None]


class Once(Generic[T]):
    """A question that is asked once, whoever wants the answer and how often; its failure is an answer too."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._lock = Lock()
        self._answer: T | None = None
        self._failure = ""

    def __call__(self) -> T:
        with self._lock:
            if self._answer is None and not self._failure:
                try:
                    self._answer = self._ask()
                except WolfguardError as error:
                    self._failure = str(error)
                except CommandError as error:
                    self._failure = error.message
            if self._answer is None:
                raise Unobservable(self._failure)
            return self._answer


def beside(socket: Path) -> Beside:
    """Of this machine."""
    return Beside(partial(Client, socket), lambda moment: sbom.render(audit_sbom.gather(socket), moment))


def here(socket: Path, listener: Listener | None, server_name: str, name: str = "") -> Subject:
    """This machine; `listener` instead of the first one of the gateway."""
    ask = partial(Client, socket)
    gateway = Once(partial(_status, ask))

    def vantage() -> Vantage:
        return Vantage(
            place=Local(),
            gateway=gateway,
            module=Once(partial(fips.judged, fips.FOLDER, socket)),
            listener=_listener(listener, gateway, server_name, None),
            now=datetime.now(UTC),
            installation=lambda: str(Path(wolfguard.__file__).parents[1]),
            records=partial(_records, ask),
        )

    return Subject(name or Local().name, vantage, beside(socket), _nothing, _nothing)


def there(
    target: Target, ways: Ways, name: str, socket: Path, prefix: str, listener: Listener | None, server_name: str
) -> Subject:
    """Another machine: `socket` and `prefix` are paths on it. Raises LocalError for one that cannot be led to."""
    channel = Channel(name, reach.command(target, ways), reach.first(target))
    place = FarPlace(name, channel, prefix, at_rest=target.scheme == reach.CHROOT)
    ask = partial(Client, socket, exchange=partial(_exchange, place, str(socket)))
    gateway = Once(partial(_status, ask))

    def vantage() -> Vantage:
        return Vantage(
            place=place,
            gateway=gateway,
            module=Once(partial(_asked_there, place, Program.MODULE, str(socket))),
            listener=_listener(listener, gateway, server_name, partial(reach.address, target, ways)),
            now=datetime.now(UTC),
            installation=Once(partial(_installation, place, prefix)),
            records=partial(_records, ask),
        )

    parts = partial(_parts_there, place, str(socket))
    return Subject(name, vantage, Beside(ask, parts), partial(_knock, place), place.close)


def named_listener(text: str, server_name: str) -> Listener:
    """Of ADDRESS:PORT. Raises ConfigurationError."""
    found = _LISTENER.fullmatch(text)
    port = int(found["port"] or found["port6"]) if found else 0
    if found is None or not 0 < port < 65536:
        raise ConfigurationError(f"a listener takes ADDRESS:PORT, an IPv6 address in brackets; {text!r} is none")
    host = found["host"] or found["six"]
    return Listener(host, port, server_name or host)


def _nothing() -> None:
    """This machine is always there."""


def _knock(place: FarPlace) -> None:
    try:
        place.facts("/")
    except Unobservable:
        return  # every look will say so


def _status(ask: Callable[[], Client]) -> Json:
    with ask() as client:
        return client.get("/v1/status")


def _records(ask: Callable[[], Client], newest: int) -> Sequence[Json]:
    """Raises Unobservable."""
    try:
        with ask() as client:
            after: int = max(0, client.get("/v1/events", after=NEWEST)["last"] - newest)
            found: list[Json] = []
            while len(found) < newest and (batch := client.get("/v1/events", after=after)["records"]):
                found += batch
                after = batch[-1]["sequence"]
            return found[:newest]
    except CommandError as error:
        raise Unobservable(error.message) from None


def _exchange(place: FarPlace, socket: str, sent: bytes) -> bytes:
    """Raises OSError where nobody hears there, as a socket of this machine would."""
    try:
        return place.exchange(socket, sent, _EXCHANGE_SECONDS, ANSWER_MAX)
    except Missing:
        raise FileNotFoundError(socket) from None
    except Unobservable as error:
        raise CommandError(str(error)) from None


def _asked_there(place: FarPlace, program: Program, socket: str) -> dict[str, Any]:
    """What the command there prints as JSON. Raises Unobservable."""
    said = place.run(program, socket)
    try:
        found = json.loads(said.text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unobservable(f"`{' '.join(program.value[:3])}` of {place.name} does not tell: {said.why}")
    return found


def _parts_there(place: FarPlace, socket: str, moment: datetime) -> bytes:
    """As its own command makes it. Raises Unobservable."""
    found = _asked_there(place, Program.PARTS, socket)
    if found.get("bomFormat") != "CycloneDX":
        raise Unobservable(f"what {place.name} has made is no bill of materials")
    return json.dumps(found, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _installation(place: FarPlace, prefix: str) -> str:
    """The folder of Python packages below a prefix. Raises Unobservable."""
    found = [name for name in place.listing(f"{prefix}/lib") if re.fullmatch(r"python3\.\d{1,3}", name)]
    if len(found) != 1:
        raise Unobservable(f"{prefix}/lib of {place.name} holds {len(found)} installations of Python packages")
    return f"{prefix}/lib/{found[0]}/site-packages"


def _listener(
    named: Listener | None, gateway: Callable[[], Json], server_name: str, address: Callable[[], str] | None
) -> Callable[[], Listener]:
    return Once(lambda: _first(gateway(), server_name, address)) if named is None else lambda: named


def _first(status: Json, server_name: str, address: Callable[[], str] | None) -> Listener:
    """The first TCP listener of the gateway. One on every address is reached over the loopback interface, if it is
    here, else where the machine is; `address` says that, None for this machine. Raises Unobservable."""
    listed = status.get("listeners")
    for text in listed if isinstance(listed, list) else ():
        bound, _, protocol = str(text).partition("/")
        found = _LISTENER.fullmatch(bound)
        if protocol != "tcp" or found is None:
            continue
        host, port = found["host"] or found["six"], int(found["port"] or found["port6"])
        host = _EVERY.get(host, host) if address is None else _elsewhere(host, address())
        return Listener(host, port, server_name)
    raise Unobservable("the gateway names no TCP listener; name one with --listener")


def _elsewhere(host: str, reached: str) -> str:
    """Where a listener of another machine is dialled: at that machine, whatever address it names. Else it could send
    handshakes, and a test account's password, to where it likes."""
    if not reached:
        raise Unobservable("from where its listener can be reached nobody can say; name it with --listener")
    if host in _EVERY:
        return _EVERY[host] if reached in _EVERY.values() else reached
    if host != reached and host not in _resolved(reached):
        raise Unobservable(f"its first listener is said to be at {host}, not at {reached}; name it with --listener")
    return host


def _resolved(name: str) -> set[str]:
    try:
        return {str(each[4][0]) for each in sockets.getaddrinfo(name, None, type=sockets.SOCK_STREAM)}
    except OSError:
        return set()
