# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole session of the site's test account: wrong logins, the login, its tunnel, DTLS, and what is left after logout.

It logs in like a user and ends everything that it began. Two wrong passwords are part of it (one for the account, one
for a name that nobody has), and at most SESSIONS_MAXIMUM sessions of the account live at a time. Secrets, cookies and
the names of logins stay in here.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations, repeat
from typing import Any, Final

from wolfguard.audit.account import Account
from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.probes import associations
from wolfguard.audit.probes.dialled import Dialled, dialled
from wolfguard.audit.probes.trail import NEWEST, of_account
from wolfguard.audit.probes.web import ask, host
from wolfguard.audit.vantage import Listener, Vantage
from wolfguard.audit.web import form, requests, tunnel
from wolfguard.audit.web.answer import Answer
from wolfguard.audit.web.form import NoFormError, Page
from wolfguard.crypto.certificates import read_sent
from wolfguard.crypto.digest import sha256
from wolfguard.crypto.random import random_bytes
from wolfguard.errors import LocalError
from wolfguard.policy.expect import Value

SESSIONS_MAXIMUM: Final = 6
ROUNDS_MAXIMUM: Final = 8
END_SECONDS: Final = 3.0
CLEAR_SECONDS: Final = 8.0
CLEAR_PAUSE: Final = 0.5
RECORD_SECONDS: Final = 3.0
RECORD_PAUSE: Final = 0.1
LAST_EVENT: Final = "session.ended"
_FAILURES: Final = re.compile(r"(?i)\b[1-9]\d*\b[^.]*\b(failed|unsuccessful|wrong)\b")
_COOKIE_BITS: Final = 6


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a login ended. `secrets`: how many were asked for."""

    answer: Answer = field(repr=False)
    page: Page
    secrets: int

    @property
    def cookie(self) -> str:
        return form.cookie(self.answer)[0] if self.page.over else ""


def lived(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Raises Unobservable without an account, and where it cannot log in."""
    if vantage.account is None:
        raise Unobservable("no test account was given (--login)")
    listener = vantage.listener()
    seen = _Session(listener, vantage.account)
    before = _last(vantage)
    try:
        seen.live()
    finally:
        seen.clear()
    seen.read_records(vantage, before)
    return Observation(seen.facts, f"{listener}, session of the test account", unseen=seen.unseen)


class _NotLetInError(Unobservable):
    """The gateway has heard the account out and refuses it; the text says with which words."""


class _Session:
    """One life of the account, with everything to be ended afterwards."""

    def __init__(self, listener: Listener, account: Account) -> None:
        self.facts: dict[str, Value] = {}
        self.unseen: dict[str, str] = {}
        self._listener, self._account = listener, account
        self._cookies: list[str] = []

    def live(self) -> None:
        """Raises Unobservable."""
        unknown = f"nobody-{random_bytes(8).hex()}"
        self.facts["wrong_logins_differ"] = tuple(_differences(self._wrong(self._account.user), self._wrong(unknown)))
        login = self._log_in()
        self.facts["secrets_asked"] = login.secrets
        self.facts["failures_told"] = _FAILURES.search(f"{login.page.notice} {login.page.message}") is not None
        self.facts["open_cookies"] = form.open_cookies(login.answer)
        with self._trusted() as connection:
            self._tunnel(connection, login.cookie)
            # only now: a session without a tunnel would make room for the next one
            self._fill_up()
            self._end(connection, login.cookie)

    def clear(self) -> None:
        """Ends every session that is left. Never raises."""
        end = time.monotonic() + CLEAR_SECONDS
        left = self._cookies
        while left:
            # a listener that is asked much may shed some; what cannot be ended in time ends by itself, and counts
            # against the account until then
            left = [cookie for cookie in left if not self._logged_out(cookie)]
            if left and time.monotonic() > end:
                break
            if left:
                time.sleep(CLEAR_PAUSE)

    def read_records(self, vantage: Vantage, before: int | None) -> None:
        """What the gateway has written of all this; it may write a moment later."""
        try:
            if before is None:
                vantage.records(1)
                raise Unobservable("the gateway's records could not be read before the login")
            end = time.monotonic() + RECORD_SECONDS
            while True:
                records = list(of_account(vantage.records(NEWEST), self._account.user, before))
                if any(each["event"] == LAST_EVENT for each in records) or time.monotonic() > end:
                    break
                time.sleep(RECORD_PAUSE)
        except Unobservable as error:
            self.unseen |= dict.fromkeys(("recorded", "method"), str(error))
            return
        self.facts["recorded"] = tuple(sorted({str(each["event"]) for each in records}))
        methods = [each["fields"].get("method") for each in records if each["event"] == "login.succeeded"]
        if methods:
            self.facts["method"] = str(methods[0])

    def _tunnel(self, connection: Dialled, cookie: str) -> None:
        head = self._connect(connection, cookie)
        if head is None or head.status != 200:
            status = "closed" if head is None else head.status
            raise Unobservable(f"the login is good, but its tunnel was refused ({status})")
        self.facts |= tunnel.facts(head)
        offered = tunnel.datagrams(head)
        if offered is None:
            self.facts["datagrams"] = {"good": {"answer": associations.NOT_OFFERED}}
        else:
            self.facts["datagrams"], unseen = associations.shaken(connection.peer, offered, self._listener.name)
            self.unseen |= unseen

    def _fill_up(self) -> None:
        """As many sessions as the account may have, up to a limit of ours."""
        while len(self._cookies) < SESSIONS_MAXIMUM:
            try:
                self._log_in()
            except _NotLetInError:
                break
        self.facts["sessions"] = len(self._cookies)
        self.facts["cookie_bits"] = _bits(self._cookies)

    def _end(self, connection: Dialled, cookie: str) -> None:
        self._log_out(cookie)
        self._cookies.remove(cookie)
        self.facts["tunnel_ends"] = _ends(connection)
        with self._trusted() as other:
            head = self._connect(other, cookie)
        self.facts["after_logout"] = 0 if head is None else head.status

    def _log_in(self) -> Attempt:
        """Raises _NotLetInError, and Unobservable where no answer comes."""
        secrets = (each.reveal().decode("utf-8", "replace") for each in self._account.secrets)
        with self._trusted() as connection:
            attempt = self._attempt(connection, self._account.user, secrets)
        if not attempt.cookie:
            said = attempt.page.error or attempt.page.message or f"status {attempt.answer.status}"
            raise _NotLetInError(f"the test account is not let in: {said}")
        self._cookies.append(attempt.cookie)
        return attempt

    @contextmanager
    def _trusted(self) -> Iterator[Dialled]:
        """A connection to which the account may be shown. Raises Unobservable."""
        with dialled(self._listener) as connection:
            pin = self._account.pin
            if not pin and not connection.here:
                raise Unobservable(
                    f"{self._listener} is on another machine: its key must be pinned in the login file, or somebody "
                    "else could be given the secrets of the test account"
                )
            if pin and pin != _pin(connection.chain[0]):
                raise Unobservable(f"the key of {self._listener} is not the one that the login file pins")
            yield connection

    def _wrong(self, user: str) -> Attempt:
        with self._trusted() as connection:
            return self._attempt(connection, user, repeat(random_bytes(16).hex()))

    def _attempt(self, connection: Dialled, user: str, secrets: Iterator[str]) -> Attempt:
        """To its success, its refusal, or the first word that it was wrong. Raises Unobservable."""
        name, given = host(self._listener), _Counted(secrets)
        answer = self._ask(connection, requests.first(name, self._account.group))
        try:
            for _ in range(ROUNDS_MAXIMUM):
                page = form.read(answer)
                if page.over or not page.inputs or (given.count and page.error):
                    return Attempt(answer, page, given.count)
                answer = self._ask(connection, form.fill(page, name, user, given, self._account.group))
        except NoFormError as error:
            raise Unobservable(f"the login of the test account gets stuck: {error}") from None
        raise Unobservable(f"the login of the test account takes more than {ROUNDS_MAXIMUM} rounds")

    def _ask(self, connection: Dialled, request: bytes) -> Answer:
        answer = ask(connection, request)
        if answer is None:
            raise Unobservable(f"{self._listener} closes in the middle of a login")
        return answer

    def _connect(self, connection: Dialled, cookie: str) -> Answer | None:
        return ask(connection, requests.connect(host(self._listener), cookie), head_alone=True)

    def _log_out(self, cookie: str) -> None:
        """Raises Unobservable where the listener does not answer."""
        with self._trusted() as connection:
            self._ask(connection, requests.logout(host(self._listener), cookie))

    def _logged_out(self, cookie: str) -> bool:
        try:
            self._log_out(cookie)
        except Unobservable:
            return False
        return True


def _last(vantage: Vantage) -> int | None:
    """Number of the newest record; None where nobody can say."""
    try:
        return int(max((each["sequence"] for each in vantage.records(1)), default=0))
    except Unobservable:
        return None


class _Counted(Iterator[str]):
    """Secrets, and how many of them were taken."""

    def __init__(self, secrets: Iterator[str]) -> None:
        self._secrets = secrets
        self.count = 0

    def __next__(self) -> str:
        secret = next(self._secrets)
        self.count += 1
        return secret


def _differences(known: Attempt, unknown: Attempt) -> Iterator[str]:
    """By what a stranger could tell a user from nobody. Cookies and flows differ in every login and say nothing."""
    if known.answer.status != unknown.answer.status:
        yield "status"
    if [name for name, _ in known.answer.headers] != [name for name, _ in unknown.answer.headers]:
        yield "headers"
    for name in ("notice", "message", "error", "action", "over"):
        if getattr(known.page, name) != getattr(unknown.page, name):
            yield name
    if [(each.name, each.kind) for each in known.page.inputs] != [
        (each.name, each.kind) for each in unknown.page.inputs
    ]:
        yield "inputs"
    if known.secrets != unknown.secrets:
        yield "rounds"


def _pin(certificate: bytes) -> str:
    """Of its public key, as in a login file. Raises Unobservable."""
    try:
        spki = read_sent((certificate,))[0].spki
    except LocalError as error:
        raise Unobservable(f"the listener's certificate cannot be read: {error}") from None
    return f"pin-sha256:{base64.b64encode(sha256(spki)).decode('ascii')}"


def _bits(cookies: Sequence[str]) -> int:
    """Six for each character in which two cookies differ, of the pair that differs least; of one alone, for all."""
    apart = [
        sum(one != other for one, other in zip(first, second, strict=False)) + abs(len(first) - len(second))
        for first, second in combinations(cookies, 2)
    ]
    return _COOKIE_BITS * min(apart, default=len(cookies[0]))


def _ends(connection: Dialled) -> bool:
    """Whether the gateway closes a tunnel by itself, whatever it says before."""
    while (data := connection.receive(END_SECONDS)) is not None:
        if not data:
            return True
    return False
