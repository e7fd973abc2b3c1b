# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's own users: name and password, checked against a stored PBKDF2 verifier (SP 800-132).

An unknown name, an impossible name and an impossible password take the same path and the same hashing work as a wrong
password. Must not know where users are stored: it is given a look-up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from wolfguard.auth.backend import Accept, Admitted, Ask, Begin, Claim, Filled, Heard, Performed, Reject, Step, Work
from wolfguard.auth.names import login_name, login_password
from wolfguard.errors import LocalError
from wolfguard.ipc.logins import FormField
from wolfguard.secret import Secret

METHOD: Final = "local"

_SECOND: Final = Ask(
    (FormField("secondary_password", "password", "Password:"),),
    "challenge",
    "Please enter your password for this gateway.",
)
_FORM: Final = Ask(
    (FormField("username", "text", "Username:"), FormField("password", "password", "Password:")),
    message="Please enter your username and password.",
)


@dataclass(frozen=True, slots=True)
class CheckPassword(Work):
    """`name` or `password` None: impossible ones, which cost the same."""

    name: str | None
    password: Secret | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What the performer of CheckPassword returns."""

    correct: bool
    known: bool
    groups: tuple[str, ...] = ()


class Account(Protocol):
    """What this backend needs of a stored user."""

    @property
    def verifier(self) -> str: ...

    @property
    def groups(self) -> tuple[str, ...]: ...


class LocalBackend:
    name = METHOD

    def converse(self) -> LocalConversation:
        return LocalConversation()


class LocalConversation:
    """One login: form, claim, check, verdict; a rejected one may be asked again from the start."""

    def __init__(self) -> None:
        self._given: str | None = None
        self._name: str | None = None
        self._password: Secret | None = None

    def advance(self, heard: Heard) -> Step:
        match heard:
            case Begin(user):
                self._given = user
                return _FORM if user is None else _SECOND
            case Filled(fields) if self._given is not None:
                self._take(Secret(self._given.encode()), fields.get("secondary_password", Secret(b"")))
                return Claim(self._name)
            case Filled(fields):
                self._take(fields.get("username", Secret(b"")), fields.get("password", Secret(b"")))
                return Claim(self._name)
            case Admitted():
                password, self._password = self._password, None
                return CheckPassword(self._name, password)
            case Performed(Checked() as checked):
                if checked.correct and self._name is not None:
                    return Accept(self._name, checked.groups)
                return Reject("password" if checked.known else "user", checked.known)
            case _:
                raise LocalError("the local backend was told something that it did not ask for")

    def close(self) -> tuple[str, ...]:
        self._password = None
        return ()

    def _take(self, name: Secret, password: Secret) -> None:
        try:
            self._name = login_name(name.reveal().decode())
        except UnicodeDecodeError:
            self._name = None
        checked = login_password(password.reveal())
        self._password = None if checked is None else Secret(checked)


class PasswordCheck:
    """The performer of CheckPassword. `verify(password, verifier)` runs in the hashing threads and takes the same time
    for every verifier, also for None (no such account). `good(name, verifier, password)` hears of right passwords.
    """

    def __init__(
        self,
        look_up: Callable[[str], Awaitable[Account | None]],
        verify: Callable[[Secret, str | None], Awaitable[bool]],
        good: Callable[[str, str, Secret], None],
    ) -> None:
        self._look_up = look_up
        self._verify = verify
        self._good = good

    async def __call__(self, work: Work) -> Checked:
        if not isinstance(work, CheckPassword):
            raise LocalError(f"no password check is {type(work).__name__}")
        # An impossible name is looked up too (as the empty one, which no account has): same path, same time.
        name = work.name or ""
        account = await self._look_up(name)
        verifier = account.verifier if account is not None else None
        correct = await self._verify(work.password or Secret(b""), verifier)
        # Asked again: an account removed or changed while the check waited its turn must not come in by it.
        after = await self._look_up(name)
        if not correct or verifier is None or work.password is None or after is None or after.verifier != verifier:
            return Checked(correct=False, known=account is not None)
        self._good(name, verifier, work.password)
        return Checked(correct=True, known=True, groups=after.groups)
