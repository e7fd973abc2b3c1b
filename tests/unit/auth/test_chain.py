# SPDX-License-Identifier: GPL-3.0-or-later
"""Several backends in one login, through the login's own frame."""

from __future__ import annotations

import itertools

from wolfguard.auth.backend import Backend
from wolfguard.auth.chain import ALL, ANY, Factors
from wolfguard.auth.local import Checked, LocalBackend
from wolfguard.auth.login import Admit, Granted, Login, Perform, Refused, Said, Show, Site, Undecided, Wrong
from wolfguard.auth.remote import RemoteBackend
from wolfguard.ipc.factors import ACCEPT, ASK, REJECT, UNAVAILABLE, Attribute, FactorAnswer
from wolfguard.ipc.logins import FormField
from wolfguard.secret import Secret

NUMBERS = itertools.count()
ANNA = {"username": Secret(b"anna"), "password": Secret(b"pw")}
SECOND = {"secondary_password": Secret(b"123")}
ACCEPTED = FactorAnswer(ACCEPT, groups=("staff",))
WRONG = FactorAnswer(REJECT, reason="password")
DOWN = FactorAnswer(UNAVAILABLE, reason="away")


def remote(name: str) -> Backend:
    return RemoteBackend(name, password=True, names=lambda: f"{name}{next(NUMBERS)}")


CORP, TOKEN, LOCAL = remote("corp"), remote("token"), LocalBackend()


def login(backends: tuple[Backend, ...], combine: str, site: Site | None = None) -> Login:
    factors = Factors(backends, combine)
    return Login(site or Site("main", (), ""), lambda group: factors)


def worked(one: Login, said: Said, result: object) -> Said:
    """Admits where that is asked for, and performs."""
    if isinstance(said, Admit):
        said = one.admitted()
    assert isinstance(said, Perform)
    return one.performed(result)


def test_all_must_accept_and_what_they_say_adds_up() -> None:
    one = login((CORP, TOKEN), ALL)
    assert one.method == "corp and token"
    said = worked(one, one.begin("", ANNA), FactorAnswer(ACCEPT, attributes=(Attribute("dns", "192.0.2.1"),)))
    assert isinstance(said, Show)
    assert (said.form.auth_id, [field.name for field in said.form.fields]) == ("challenge", ["secondary_password"])
    said = worked(one, one.fill("", SECOND), FactorAnswer(ACCEPT, attributes=(Attribute("dns", "192.0.2.2"),)))
    assert isinstance(said, Granted)
    assert [each.value for each in said.attributes] == ["192.0.2.1", "192.0.2.2"]


def test_a_wrong_second_factor_begins_from_the_start() -> None:
    one = login((LOCAL, TOKEN), ALL)
    worked(one, one.begin("", ANNA), Checked(True, True))
    said = worked(one, one.fill("", SECOND), WRONG)
    assert isinstance(said, Wrong)
    assert said.counts
    assert isinstance(said.then, Show)
    assert [field.name for field in said.then.form.fields] == ["username", "password"]


def test_local_as_the_second_factor_asks_no_name() -> None:
    one = login((CORP, LOCAL), ALL)
    said = worked(one, one.begin("", ANNA), ACCEPTED)
    assert isinstance(said, Show)
    assert isinstance(worked(one, one.fill("", SECOND), Checked(True, True)), Granted)


def test_any_puts_one_form_to_each() -> None:
    one = login((CORP, LOCAL), ANY)
    said = worked(one, one.begin("", ANNA), WRONG)
    assert isinstance(said, Perform)
    assert one.performed(Checked(True, True)) == Granted("anna", "")


def test_any_is_one_failure_when_all_refuse() -> None:
    one = login((CORP, LOCAL), ANY)
    worked(one, one.begin("", ANNA), WRONG)
    said = one.performed(Checked(False, False))
    assert isinstance(said, Wrong)
    assert (said.counts, said.known) == (True, True)


def test_any_goes_past_a_backend_that_is_down() -> None:
    one = login((CORP, LOCAL), ANY)
    worked(one, one.begin("", ANNA), DOWN)
    assert one.performed(Checked(True, True)) == Granted("anna", "")
    one = login((CORP, LOCAL), ANY)
    worked(one, one.begin("", ANNA), DOWN)
    assert isinstance(one.performed(Checked(False, False)), Wrong)


def test_a_backend_that_is_down_counts_nothing() -> None:
    one = login((CORP,), ALL)
    assert worked(one, one.begin("", ANNA), DOWN) == Undecided("corp", "away")


def test_any_with_a_challenge_stays_with_who_asked() -> None:
    one = login((CORP, LOCAL), ANY)
    fields = (FormField("secondary_password", "password", "Code:"),)
    assert isinstance(worked(one, one.begin("", ANNA), FactorAnswer(ASK, fields)), Show)
    assert isinstance(worked(one, one.fill("", SECOND), WRONG), Wrong)


# --- groups and consent ----------------------------------------------------------------------------------------------

GROUPED = Site("main", (("staff", ""), ("admin", "")), "")
SITES_OWN, ADMINS = Factors((CORP,)), Factors((CORP, TOKEN))
MEMBER = FactorAnswer(ACCEPT, groups=("staff", "admin"))


def grouped() -> Login:
    return Login(GROUPED, lambda group: ADMINS if group == "admin" else SITES_OWN)


def test_nobody_gets_into_a_group_past_its_factors() -> None:
    one = grouped()
    assert worked(one, one.begin("", ANNA), MEMBER) == Granted("anna", "staff", by=(("corp", ()),))
    only = FactorAnswer(ACCEPT, groups=("admin",))
    one = grouped()
    assert worked(one, one.begin("", ANNA), only) == Granted("anna", "", by=(("corp", ()),))


def test_a_chosen_group_asks_for_its_own_factors() -> None:
    one = grouped()
    one.begin("", {})
    assert isinstance(worked(one, one.fill("admin", ANNA), MEMBER), Show)
    # A group named in the middle of it changes nothing any more.
    said = worked(one, one.fill("staff", SECOND), MEMBER)
    assert said == Granted("anna", "admin", by=(("corp", ()), ("token", ())))


CONSENT = Site("main", (), "Authorised use only.", consent=True)


def test_the_notice_is_accepted_before_anything_is_asked() -> None:
    one = login((LOCAL,), ALL, CONSENT)
    said = one.begin("", ANNA)
    assert isinstance(said, Show)
    assert (said.form.auth_id, said.form.message) == ("consent", "Authorised use only.")
    assert [field.name for field in said.form.fields] == ["consent"]
    said = one.fill("", {"consent": Secret(b"accept"), **ANNA})
    assert isinstance(said, Show)
    assert [field.name for field in said.form.fields] == ["username", "password"]


def test_who_does_not_accept_is_refused() -> None:
    one = login((LOCAL,), ALL, CONSENT)
    one.begin("", {})
    said = one.fill("", {"consent": Secret(b"decline")})
    assert isinstance(said, Refused)
    assert said.reason == "consent"
