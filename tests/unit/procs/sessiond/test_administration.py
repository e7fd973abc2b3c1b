# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts of administration: roles, effects, records."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.procs.sessiond.rig import ADMIN, AUDITOR, OPERATOR, PASSWORD, Rig, drive, refused
from wolfguard.ipc.management import (
    Actor,
    AddUser,
    AdminEvent,
    Disconnect,
    NoteEvidence,
    RemoveUser,
    SetPassword,
    UnlockUser,
)
from wolfguard.ipc.messages import Request
from wolfguard.secret import Secret

NEW = Secret(b"another good password")


@pytest.mark.parametrize(
    "message",
    [
        Disconnect(AUDITOR, 0, "anna", ""),
        UnlockUser(AUDITOR, "anna"),
        AddUser(OPERATOR, "bert", NEW, ()),
        RemoveUser(OPERATOR, "anna"),
        SetPassword(OPERATOR, "anna", NEW),
        RemoveUser(Actor(7, "eve", "superuser"), "anna"),
    ],
)
def test_roles_are_checked_here_too(tmp_path: Path, message: Request) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        async with refused("denied"):
            await rig.ask(message)
        await rig.settle()
        last = rig.records()[-1]
        assert (last["outcome"], last["reason"], last["where"]) == ("failure", "denied", "management")
        assert (await rig.step()).state == "done"

    drive(tmp_path, scene)


def test_a_new_user_can_log_in_and_the_act_is_recorded(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user("anna", ("staff",))
        await rig.log_in()
        (record,) = await rig.events("admin.user-added")
        assert (record["who"], record["outcome"]) == ("root (0, admin)", "success")
        assert record["fields"] == {"user": "anna", "groups": "staff", "detail": ""}

    drive(tmp_path, scene)


@pytest.mark.parametrize(
    ("name", "password", "groups", "code"),
    [
        ("anna", PASSWORD, (), "exists"),
        ("bad\nname", PASSWORD, (), "invalid"),
        ("bert", b"short", (), "invalid"),
        ("bert", PASSWORD, ("nowhere",), "invalid"),
        ("bert", PASSWORD, ("staff",) * 65, "invalid"),
    ],
)
def test_users_that_cannot_be_made(
    tmp_path: Path, name: str, password: bytes, groups: tuple[str, ...], code: str
) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        async with refused(code):
            await rig.ask(AddUser(ADMIN, name, Secret(password), groups))
        assert (await rig.events("admin.user-added"))[-1]["reason"] == code

    drive(tmp_path, scene)


def test_a_removed_user_is_out_at_once(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        await rig.open(cookie)
        await rig.ask(RemoveUser(ADMIN, "anna"))
        async with refused("cookie"):
            await rig.open(cookie)
        (order,) = await rig.ended(0)
        assert (order.bye, order.text) == (True, "Your account was removed.")
        assert (await rig.step()).state == "form"
        async with refused("missing"):
            await rig.ask(RemoveUser(ADMIN, "anna"))

    drive(tmp_path, scene)


def test_a_new_password_ends_what_the_old_one_opened(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        await rig.ask(SetPassword(ADMIN, "anna", NEW))
        async with refused("cookie"):
            await rig.open(cookie)
        assert (await rig.step()).state == "form"
        assert (await rig.step(password=NEW.reveal())).state == "done"
        async with refused("invalid"):
            await rig.ask(SetPassword(ADMIN, "anna", Secret(b"short")))
        async with refused("missing"):
            await rig.ask(SetPassword(ADMIN, "nobody", NEW))

    drive(tmp_path, scene)


def test_unlocking(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        for _ in range(5):
            await rig.step(password=b"no")
        assert (await rig.step()).state == "refused"
        await rig.ask(UnlockUser(OPERATOR, "anna"))
        assert (await rig.step()).state == "done"
        async with refused("missing"):
            await rig.ask(UnlockUser(OPERATOR, "nobody"))

    drive(tmp_path, scene)


def test_evidence_is_noted_before_it_is_signed_and_not_without_end(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        note = NoteEvidence(AUDITOR, "ab" * 48, "audit of gw1")
        for _ in range(20):
            await rig.ask(note)
        async with refused("busy"):
            await rig.ask(note)
        async with refused("denied"):
            await rig.ask(NoteEvidence(Actor(1, "eve", "nobody"), "ab" * 48, "audit"))
        rig.now += 61
        await rig.ask(note)
        found = await rig.events("admin.evidence-signed")
        outcomes = [(each["outcome"], each["reason"]) for each in found]
        good = ("success", "")
        assert outcomes == [*([good] * 20), ("failure", "busy"), ("failure", "denied"), good]
        assert found[0]["fields"] == {"digest": "ab" * 48, "detail": "audit of gw1"}
        assert found[0]["who"] == "otto (1001, auditor)"

    drive(tmp_path, scene)


def test_disconnecting_by_session_and_by_user(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        await rig.add_user("bert")
        first, second, third = await rig.log_in(), await rig.log_in(), await rig.log_in("bert")
        grants = [await rig.open(cookie) for cookie in (first, second, third)]
        assert (await rig.ask(Disconnect(OPERATOR, grants[2].session, "", "Maintenance."))).count == 1
        assert (await rig.ask(Disconnect(OPERATOR, 0, "anna", ""))).count == 2
        orders = await rig.ended(0)
        assert [(order.bye, order.text) for order in orders] == [
            (True, "Maintenance."),
            (True, "An administrator ended your session."),
            (True, "An administrator ended your session."),
        ]
        for cookie in (first, second, third):
            async with refused("cookie"):
                await rig.open(cookie)
        async with refused("missing"):
            await rig.ask(Disconnect(OPERATOR, grants[2].session, "", ""))
        async with refused("invalid"):
            await rig.ask(Disconnect(OPERATOR, 1, "anna", ""))

    drive(tmp_path, scene)


def test_acts_that_mgmtd_answers_itself_are_recorded(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.ask(AdminEvent(AUDITOR, "status", "success"))
        await rig.ask(AdminEvent(AUDITOR, "reload", "denied", "needs the role admin"))
        acts = await rig.events("admin.act")
        assert [(act["outcome"], act["reason"], act["fields"]["act"]) for act in acts] == [
            ("success", "", "status"),
            ("failure", "denied", "reload"),
        ]

    drive(tmp_path, scene)
