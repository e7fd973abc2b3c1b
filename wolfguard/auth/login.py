# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of a login: one state machine a login, over as many rounds as its backend asks for.

    asking --form filled--> (claim) admitting --admitted--> working --result--> asking | granted | refused
                                     `--locked--> refused

Owns rounds, groups, banner and texts; knows no backend, no store, no clock. Rules: a wrong answer shows the form again
with an error (HTTP 200), so that a person can correct it; the texts are the same whatever was wrong; a lockout and too
many rounds refuse for good. The group comes from the URL, the client's group-select or the form's `group_list`, by name
or by label (some AnyConnect versions send the label), and counts only when the backend puts the user into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wolfguard.auth.backend import (
    Accept,
    Admitted,
    Ask,
    Begin,
    Claim,
    Conversation,
    Filled,
    Heard,
    Performed,
    Reject,
    Step,
    Unavailable,
    Work,
)
from wolfguard.errors import LocalError
from wolfguard.ipc.messages import FormField, LoginForm
from wolfguard.secret import Secret

GROUP_FIELD: Final = "group_list"
ROUNDS_MAX: Final = 20

WRONG: Final = "Login failed. Check the user name and the password and try again."
NOT_A_MEMBER: Final = "You may not use this group. Choose another one and log in again."
NO_SUCH_GROUP: Final = "There is no such group. Choose one from the list."
LOCKED_OUT: Final = "Too many failed logins. Try again later or ask your administrator."
UNAVAILABLE: Final = "Your login cannot be checked at the moment. Try again later or ask your administrator."
TOO_MANY_ROUNDS: Final = "Too many attempts in one login. Connect again."


@dataclass(frozen=True, slots=True)
class Site:
    """What a login must know of its site. `groups` are (name, label) in the site's order."""

    name: str
    groups: tuple[tuple[str, str], ...]
    banner: str


# --- what a login says -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Show:
    form: LoginForm


@dataclass(frozen=True, slots=True)
class Admit:
    """Ask whether this user may try now; answer with `admitted` or `locked`."""

    user: str | None


@dataclass(frozen=True, slots=True)
class Perform:
    """Carry this out; answer with `performed`."""

    work: Work


@dataclass(frozen=True, slots=True)
class Wrong:
    """A failed attempt: count it when `counts`, record it, then go on with `then`."""

    user: str | None
    reason: str
    known: bool
    counts: bool
    then: Show | Refused


@dataclass(frozen=True, slots=True)
class Granted:
    user: str
    group: str


@dataclass(frozen=True, slots=True)
class Refused:
    """No retry. `reason` is a label, `text` for the person."""

    reason: str
    text: str


Said = Show | Admit | Perform | Wrong | Granted | Refused


class Login:
    """`begin` first, then whatever the last answer asks for; anything else raises LocalError."""

    def __init__(self, site: Site, conversation: Conversation) -> None:
        self._site = site
        self._conversation = conversation
        self._expected: type[Said] = Refused
        self._ask: Ask | None = None
        self._group = ""
        self._rounds = 0
        self.user: str | None = None

    def begin(self, group: str, fields: Mapping[str, Secret]) -> Said:
        """The first request; it may carry a filled form already (a login whose first round was forgotten)."""
        self._group = self._resolve(group) or ""
        said = self._hear(Begin())
        return self.fill(group, fields) if fields and isinstance(said, Show) else said

    def fill(self, group: str, fields: Mapping[str, Secret]) -> Said:
        """A further request of the client."""
        self._must_be(Show)
        self._rounds += 1
        if self._rounds > ROUNDS_MAX:
            return self._say(Refused("rounds", TOO_MANY_ROUNDS))
        wanted = fields[GROUP_FIELD].reveal().decode(errors="replace") if GROUP_FIELD in fields else group
        resolved = self._resolve(wanted)
        self._group = resolved or self._group
        if not self._answers(fields):
            # A choice of the group alone: the form again, with that group first.
            return self._show("")
        if resolved is None and self._site.groups and wanted and not wanted.startswith("/"):
            return self._show(NO_SUCH_GROUP)
        return self._hear(Filled({name: value for name, value in fields.items() if name != GROUP_FIELD}))

    def admitted(self) -> Said:
        self._must_be(Admit)
        return self._hear(Admitted())

    def locked(self) -> Said:
        self._must_be(Admit)
        return self._say(Refused("locked", LOCKED_OUT))

    def performed(self, result: object) -> Said:
        self._must_be(Perform)
        return self._hear(Performed(result))

    # --- inside ------------------------------------------------------------------------------------------------------

    def _hear(self, heard: Heard) -> Said:
        return self._turn(self._conversation.advance(heard))

    def _turn(self, step: Step) -> Said:
        match step:
            case Ask():
                self._ask = step
                return self._show("")
            case Claim(user):
                self.user = user
                return self._say(Admit(user))
            case Work():
                return self._say(Perform(step))
            case Accept(user=user, groups=groups):
                return self._settle(user, groups)
            case Reject(reason, known):
                return self._wrong(reason, WRONG, known=known, counts=True)
            case Unavailable(backend, reason):
                return self._say(Refused(f"{backend}-{reason}", UNAVAILABLE))

    def _settle(self, user: str, groups: tuple[str, ...]) -> Said:
        names = [name for name, _ in self._site.groups]
        group = self._group or next((name for name in names if name in groups), "")
        if group and group not in groups:
            # The password was right: nothing to count, but nothing more to tell than that.
            return self._wrong("group", NOT_A_MEMBER, known=True, counts=False)
        return self._say(Granted(user, group))

    def _wrong(self, reason: str, text: str, *, known: bool, counts: bool) -> Said:
        step = self._conversation.advance(Begin())
        if not isinstance(step, Ask):
            raise LocalError("a backend must ask again after a rejection")
        self._ask = step
        then = self._show(text)
        # The form is what the client answers next, whatever the caller does with the failure.
        return Wrong(self.user, reason, known, counts, then)

    def _show(self, error: str) -> Show:
        if self._ask is None:
            raise LocalError("a login has no form to show yet")
        ask = self._ask
        fields = ask.fields
        if ask.auth_id == "main" and self._site.groups:
            fields = (self._group_choice(), *fields)
        show = Show(LoginForm(ask.auth_id, ask.message, error, self._site.banner, fields))
        self._expected = Show
        return show

    def _group_choice(self) -> FormField:
        chosen = self._group
        # The selected group comes first: clients take the first option as the selected one.
        ordered = sorted(self._site.groups, key=lambda each: each[0] != chosen)
        choices = tuple((name, label or name) for name, label in ordered)
        return FormField(GROUP_FIELD, "select", "GROUP:", value=chosen, choices=choices)

    def _resolve(self, wanted: str) -> str | None:
        """A path of the URL names a group without its slash, or nothing at all."""
        wanted = wanted.strip("/")
        return next((name for name, label in self._site.groups if wanted and wanted in (name, label)), None)

    def _answers(self, fields: Mapping[str, Secret]) -> bool:
        return self._ask is not None and any(field.name in fields for field in self._ask.fields)

    def _say(self, said: Said) -> Said:
        self._expected = type(said)
        return said

    def _must_be(self, expected: type[Said]) -> None:
        if self._expected is not expected:
            raise LocalError(f"a login was told something after {self._expected.__name__}")
