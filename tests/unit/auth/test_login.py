# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of a login, round by round."""

from __future__ import annotations

import pytest

from wolfguard.auth.chain import Factors
from wolfguard.auth.local import Checked, LocalBackend
from wolfguard.auth.login import (
    LOCKED_OUT,
    NO_SUCH_GROUP,
    NOT_A_MEMBER,
    ROUNDS_MAX,
    WRONG,
    Admit,
    Granted,
    Login,
    Perform,
    Refused,
    Said,
    Show,
    Site,
    Wrong,
)
from wolfguard.errors import LocalError
from wolfguard.secret import Secret

LOCAL = Factors((LocalBackend(),))
PLAIN = Site("main", (), "Authorised users only.")
GROUPED = Site("main", (("staff", "All staff"), ("it", "")), "")
ANNA = {"username": Secret(b"anna"), "password": Secret(b"pw")}


def login(site: Site = PLAIN) -> Login:
    return Login(site, lambda group: LOCAL)


def to_the_end(one: Login, said: Said, groups: tuple[str, ...] = (), *, correct: bool = True) -> Said:
    assert said == Admit("anna")
    assert isinstance(one.admitted(), Perform)
    return one.performed(Checked(correct, True, groups))


def form_of(said: Said) -> Show:
    assert isinstance(said, Show)
    return said


def test_form_then_done() -> None:
    one = login()
    form = form_of(one.begin("", {})).form
    assert [field.name for field in form.fields] == ["username", "password"]
    assert (form.auth_id, form.banner, form.error) == ("main", "Authorised users only.", "")
    assert to_the_end(one, one.fill("", ANNA)) == Granted("anna", "")


def test_a_first_request_may_bring_the_answers_along() -> None:
    one = login()
    assert to_the_end(one, one.begin("", ANNA)) == Granted("anna", "")


def test_a_wrong_password_shows_the_form_again_with_an_error() -> None:
    one = login()
    wrong = to_the_end(one, one.begin("", ANNA), correct=False)
    assert isinstance(wrong, Wrong)
    assert (wrong.user, wrong.reason, wrong.counts) == ("anna", "password", True)
    assert form_of(wrong.then).form.error == WRONG
    assert to_the_end(one, one.fill("", ANNA)) == Granted("anna", "")


def test_a_locked_out_user_is_refused_for_good() -> None:
    one = login()
    one.begin("", ANNA)
    assert one.locked() == Refused("locked", LOCKED_OUT)
    with pytest.raises(LocalError):
        one.fill("", ANNA)


def test_rounds_are_bounded() -> None:
    one = login()
    one.begin("", {})
    for _ in range(ROUNDS_MAX):
        assert isinstance(one.fill("", {}), Show)
    said = one.fill("", ANNA)
    assert isinstance(said, Refused)
    assert said.reason == "rounds"


def test_nothing_may_come_out_of_turn() -> None:
    one = login()
    for call in (one.admitted, one.locked, lambda: one.performed(None), lambda: one.fill("", {})):
        with pytest.raises(LocalError):
            call()


def test_the_form_offers_groups_with_the_chosen_one_first() -> None:
    one = login(GROUPED)
    choice = form_of(one.begin("", {})).form.fields[0]
    assert (choice.name, choice.kind, choice.value) == ("group_list", "select", "")
    assert choice.choices == (("staff", "All staff"), ("it", "it"))
    again = form_of(one.fill("it", {})).form
    assert again.error == ""
    assert again.fields[0].choices[0] == ("it", "it")
    assert again.fields[0].value == "it"


@pytest.mark.parametrize("group", ["staff", "All staff", "/staff", "/staff/"])
def test_a_group_by_name_label_or_path(group: str) -> None:
    one = login(GROUPED)
    one.begin(group, {})
    assert to_the_end(one, one.fill("", ANNA), ("it", "staff")) == Granted("anna", "staff")


def test_the_choice_in_the_form_wins_over_the_path() -> None:
    one = login(GROUPED)
    one.begin("/staff", {})
    said = one.fill("/staff", {**ANNA, "group_list": Secret(b"it")})
    assert to_the_end(one, said, ("it", "staff")) == Granted("anna", "it")


def test_without_a_choice_the_first_own_group_counts() -> None:
    one = login(GROUPED)
    assert to_the_end(one, one.begin("", ANNA), ("it",)) == Granted("anna", "it")
    one = login(GROUPED)
    assert to_the_end(one, one.begin("", ANNA), ()) == Granted("anna", "")


def test_a_group_of_others_is_no_failure_but_no_entry() -> None:
    one = login(GROUPED)
    wrong = to_the_end(one, one.begin("it", ANNA), ("staff",))
    assert isinstance(wrong, Wrong)
    assert (wrong.reason, wrong.counts) == ("group", False)
    assert form_of(wrong.then).form.error == NOT_A_MEMBER
    assert to_the_end(one, one.fill("staff", ANNA), ("staff",)) == Granted("anna", "staff")


def test_a_group_that_does_not_exist_is_said_before_any_password_is_checked() -> None:
    one = login(GROUPED)
    assert form_of(one.begin("finance", ANNA)).form.error == NO_SUCH_GROUP
    one = login(GROUPED)
    assert one.begin("/some/path", ANNA) == Admit("anna"), "a path need not be a group"
