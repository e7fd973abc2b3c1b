# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of a login: one state machine a login, over as many rounds as its backend asks for.

    consenting --accepted--> asking
    asking --form filled--> (claim) admitting --admitted--> working --result--> asking | granted | refused
                                     `--locked--> refused

Owns rounds, groups, banner and texts; knows no backend, no store, no clock. Rules: a wrong answer shows the form again
with an error (HTTP 200), so that a person can correct it; the texts are the same whatever was wrong; a lockout and too
many rounds refuse for good; so does a backend that cannot decide, which counts against nobody. The group comes from
the URL, the client's group-select or the form's `group_list`, by name or by label (some AnyConnect versions send the
label), and counts only when the backends put the user into it. A group may ask for other factors than its site; nobody
gets into a group past the factors that it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from wolfguard.auth.backend import (
    Accept,
    Admitted,
    Ask,
    Begin,
    Claim,
    Filled,
    Heard,
    Performed,
    Reject,
    Step,
    Unavailable,
    Work,
)
from wolfguard.auth.chain import Factors
from wolfguard.errors import LocalError
from wolfguard.ipc.factors import Attribute
from wolfguard.ipc.logins import FormField, LoginForm
from wolfguard.secret import Secret

GROUP_FIELD: Final = "group_list"
CONSENT_FIELD: Final = "consent"
CONSENT_FORM: Final = "consent"
ACCEPTED: Final = "accept"
# openconnect finds a choice by its label.
CONSENT_CHOICES: Final = (("decline", "decline"), (ACCEPTED, ACCEPTED))
ROUNDS_MAX: Final = 20

WRONG: Final = "Login failed. Check the user name and the password and try again."
NOT_A_MEMBER: Final = "You may not use this group. Choose another one and log in again."
NO_SUCH_GROUP: Final = "There is no such group. Choose one from the list."
LOCKED_OUT: Final = "Too many failed logins. Try again later or ask your administrator."
UNAVAILABLE: Final = "Your login cannot be checked at the moment. Try again later or ask your administrator."
NOT_ACCEPTED: Final = "You may log in only when you accept the notice."
TOO_MANY_ROUNDS: Final = "Too many attempts in one login. Connect again."


@dataclass(frozen=True, slots=True)
class Site:
    """What a login must know of its site. `groups` are (name, label) in the site's order. `consent`: the banner is a
    form of its own, which must be accepted before anything else is asked."""

    name: str
    groups: tuple[tuple[str, str], ...]
    banner: str
    consent: bool = False


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
    """`message` is the backends' text for the person, `attributes` what they say about the session, `by` which backends
    elsewhere accepted and what each of them said."""

    user: str
    group: str
    attributes: tuple[Attribute, ...] = ()
    message: str = ""
    by: tuple[tuple[str, tuple[Attribute, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Undecided:
    """A backend could not decide, for this reason: record it, count nothing, tell the person UNAVAILABLE."""

    backend: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """No retry. `reason` is a label, `text` for the person."""

    reason: str
    text: str


Said = Show | Admit | Perform | Wrong | Granted | Undecided | Refused


class Login:
    """`begin` first, then whatever the last answer asks for; anything else raises LocalError."""

    def __init__(self, site: Site, factors: Callable[[str], Factors]) -> None:
        """`factors` says what a group asks for ("" for the site itself)."""
        self._site = site
        self._factors_of = factors
        self._factors = factors("")
        self._conversation = self._factors.converse()
        self._left: list[str] = []
        self._consenting = site.consent
        self._expected: type[Said] = Refused
        self._ask: Ask | None = None
        self._group = ""
        self._rounds = 0
        self.user: str | None = None

    def begin(self, group: str, fields: Mapping[str, Secret]) -> Said:
        """The first request; it may carry a filled form already (a login whose first round was forgotten)."""
        self._group = self._resolve(group) or ""
        self._choose_factors()
        said = self._show_consent("") if self._consenting else self._hear(Begin())
        brings_answer = CONSENT_FIELD in fields if self._consenting else bool(fields)
        return self.fill(group, fields) if brings_answer and isinstance(said, Show) else said

    def fill(self, group: str, fields: Mapping[str, Secret]) -> Said:
        """A further request of the client."""
        self._must_be(Show)
        self._rounds += 1
        if self._rounds > ROUNDS_MAX:
            return self._say(Refused("rounds", TOO_MANY_ROUNDS))
        wanted = fields[GROUP_FIELD].reveal().decode(errors="replace") if GROUP_FIELD in fields else group
        resolved = self._resolve(wanted)
        if self._consenting:
            self._group = resolved or self._group
            return self._consented(fields)
        if self._at_the_first_form():
            self._group = resolved or self._group
            self._choose_factors()
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

    @property
    def method(self) -> str:
        """The factors of this login, for records."""
        return self._factors.method

    def close(self) -> tuple[str, ...]:
        """It is over; returns conversations that other processes still keep for it."""
        left, self._left = [*self._left, *self._conversation.close()], []
        return tuple(left)

    def left(self) -> tuple[str, ...]:
        """Conversations of an attempt that came to nothing, which other processes still keep."""
        left, self._left = self._left, []
        return tuple(left)

    def performed(self, result: object) -> Said:
        self._must_be(Perform)
        return self._hear(Performed(result))

    # --- inside ------------------------------------------------------------------------------------------------------

    def _at_the_first_form(self) -> bool:
        return self._ask is None or self._ask.auth_id == "main"

    def _choose_factors(self) -> None:
        """The group may ask for others than those that have begun; its own first form may then differ."""
        wanted = self._factors_of(self._group)
        if wanted == self._factors:
            return
        self._left += self._conversation.close()
        self._factors, self._conversation = wanted, wanted.converse()
        if self._ask is not None:
            self._ask = self._first_form()

    def _show_consent(self, error: str) -> Show:
        choice = FormField(CONSENT_FIELD, "select", "Do you accept?", choices=CONSENT_CHOICES)
        fields = (self._group_choice(), choice) if self._site.groups else (choice,)
        self._expected = Show
        return Show(LoginForm(CONSENT_FORM, self._site.banner, error, "", fields))

    def _consented(self, fields: Mapping[str, Secret]) -> Said:
        if CONSENT_FIELD not in fields:
            # A choice of the group alone.
            return self._show_consent("")
        if fields[CONSENT_FIELD].reveal() != ACCEPTED.encode():
            return self._say(Refused("consent", NOT_ACCEPTED))
        self._consenting = False
        self._choose_factors()
        return self._hear(Begin())

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
            case Accept():
                return self._settle(step)
            case Reject(reason, known, message):
                return self._wrong(reason, "\n".join(filter(None, (WRONG, message))), known=known, counts=True)
            case Unavailable(backend, reason):
                return self._say(Undecided(backend, reason))

    def _settle(self, accept: Accept) -> Said:
        groups = {*accept.groups, *(each.value for each in accept.attributes if each.name == "group")}
        names = [name for name, _ in self._site.groups if self._factors_of(name) == self._factors]
        group = self._group or next((name for name in names if name in groups), "")
        if group and (group not in groups or group not in names):
            # The password was right: nothing to count, but nothing more to tell than that.
            return self._wrong("group", NOT_A_MEMBER, known=True, counts=False)
        return self._say(Granted(accept.user, group, accept.attributes, accept.message, accept.by))

    def _wrong(self, reason: str, text: str, *, known: bool, counts: bool) -> Said:
        self._left += self._conversation.close()
        self._ask = self._first_form()
        then = self._show(text)
        # The form is what the client answers next, whatever the caller does with the failure.
        return Wrong(self.user, reason, known, counts, then)

    def _first_form(self) -> Ask:
        step = self._conversation.advance(Begin())
        if not isinstance(step, Ask):
            raise LocalError("a backend must ask before anything else")
        return step

    def _show(self, error: str) -> Show:
        if self._ask is None:
            raise LocalError("a login has no form to show yet")
        ask = self._ask
        fields = ask.fields
        if ask.auth_id == "main" and self._site.groups:
            fields = (self._group_choice(), *fields)
        banner = "" if self._site.consent else self._site.banner
        show = Show(LoginForm(ask.auth_id, ask.message, error, banner, fields))
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
