# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins through the whole of sessiond: lockout, limits, floods, crashes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.procs.sessiond.rig import Rig, a_configuration, a_site, drive, peer
from wolfguard.auth.login import LOCKED_OUT, WRONG
from wolfguard.config.site import Banner, Limits, Lockout, Timeouts
from wolfguard.ipc.logins import LoginCancel, LoginStep
from wolfguard.ipc.tunnels import TunnelClosed
from wolfguard.procs.sessiond.logins import BUSY, UNAVAILABLE
from wolfguard.secret import Secret
from wolfguard.store.interface import PutUser, StoreError, User


def test_form_then_cookie(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        asked = await rig.step(None)
        assert asked.state == "form"
        assert asked.form is not None
        assert asked.form.banner == "Authorised users only."
        assert len(asked.flow) == 32
        done = await rig.step(flow=asked.flow)
        assert (done.state, done.user, done.reason) == ("done", "anna", "")
        assert done.cookie is not None
        assert len(done.cookie.reveal()) == 43
        (record,) = await rig.events("login.succeeded")
        assert (record["who"], record["where"], record["session"]) == ("anna", "192.0.2.1", 1)
        assert record["fields"]["method"] == "local"
        assert len(rig.child.logins.flows) == 0

    site = a_site(banner=Banner(login="Authorised users only."))
    drive(tmp_path, scene, a_configuration(tmp_path, site))


def test_no_cookie_is_stored_or_recorded(tmp_path: Path) -> None:
    cookies: list[bytes] = []

    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        await rig.open(cookie)
        cookies.append(cookie.reveal())
        await rig.step(password=b"wrong secret word")

    drive(tmp_path, scene)
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert cookies[0] not in content
        assert b"wrong secret word" not in content


def test_wrong_and_unknown_look_alike_and_can_be_corrected(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        asked = await rig.step(None)
        wrong = await rig.step(password=b"no", flow=asked.flow)
        unknown = await rig.step("nobody", flow=wrong.flow)
        impossible = await rig.step("no\x00body", flow=wrong.flow)
        assert wrong == unknown == impossible
        assert wrong.form is not None
        assert wrong.form.error == WRONG
        assert rig.hashed == 3
        assert (await rig.step(flow=wrong.flow)).state == "done"
        reasons = [(record["who"], record["reason"]) for record in await rig.events("login.failed")]
        assert reasons == [("anna", "password"), ("nobody", "user"), ("", "user")]

    drive(tmp_path, scene)


def test_lockout_of_an_account_real_or_not(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        for name in ("anna", "nobody"):
            for number in range(5):
                assert (await rig.step(name, b"no", address=f"192.0.2.{number}")).state == "form"
            refused = await rig.step(name, address="192.0.2.77")
            assert (refused.state, refused.reason) == ("refused", LOCKED_OUT)
        hashed = rig.hashed
        assert (await rig.step()).state == "refused", "the right password helps nobody now"
        assert rig.hashed == hashed
        rig.now += 900
        assert (await rig.step()).state == "done"
        locked = await rig.events("account.locked")
        assert [record["who"] for record in locked] == ["anna", "nobody"]
        assert locked[0]["fields"]["until"] == "1970-01-12T14:01:40.000Z"

    drive(tmp_path, scene)


def test_lockout_of_a_source(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        for number in range(3):
            await rig.step(f"nobody{number}", address=f"2001:db8:1:2::{number}")
        refused = await rig.step(address="2001:db8:1:2:ffff::1")
        assert refused.state == "refused"
        assert (await rig.step(address="2001:db8:1:3::1")).state == "done"
        (locked,) = await rig.events("address.locked")
        assert locked["where"] == "2001:db8:1:2::/64"

    drive(tmp_path, scene, a_configuration(tmp_path, lockout=Lockout(address_failures=3)))


def test_guesses_at_the_same_moment_gain_nothing(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        answers = await asyncio.gather(*(rig.step(password=b"guess", address=f"192.0.2.{n}") for n in range(40)))
        assert rig.hashed == 5
        assert [answer.state for answer in answers].count("refused") == 35

    drive(tmp_path, scene)


def test_many_good_logins_of_one_user_at_once(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookies = await asyncio.gather(*(rig.log_in() for _ in range(40)))
        assert len({cookie.reveal() for cookie in cookies}) == 40

    drive(tmp_path, scene, a_configuration(tmp_path, a_site(sessions_per_user=0)))


def test_failures_and_lockouts_survive_a_crash(tmp_path: Path) -> None:
    async def run() -> None:
        rig = Rig(tmp_path, a_configuration(tmp_path))
        async with rig.running(orderly=False):
            await rig.add_user()
            for _ in range(5):
                await rig.step(password=b"no")
            await rig.child.state.ledger.flushed()
        async with rig.running():
            assert (await rig.step()).state == "refused"
            rig.now += 900
            assert (await rig.step()).state == "done"

    asyncio.run(run())


def test_failed_attempts_are_told_at_the_next_login_once(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        for _ in range(3):
            await rig.step(password=b"no")
        answer = await rig.step()
        assert answer.banner.startswith("Hello.\nThere were 3 failed logins")
        assert (await rig.step()).banner == "Hello."

    drive(tmp_path, scene, a_configuration(tmp_path, a_site(banner=Banner(session="Hello."))))


def test_sessions_per_user(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        first, second = await rig.log_in(), await rig.log_in()
        one, two = await rig.open(first), await rig.open(second)
        refused = await rig.step()
        assert refused.state == "refused"
        assert "2 sessions already" in refused.reason
        # One that has lost its tunnel gives way to its owner's new login.
        await rig.ask(TunnelClosed(two.session, two.epoch, "reset", False), "worker", 0)
        third = await rig.log_in()
        assert await rig.open(third)
        assert {session.number for session in rig.child.state.sessions} == {one.session, 3}
        (ended,) = await rig.events("session.ended")
        assert (ended["session"], ended["reason"]) == (two.session, "replaced-by-login")

    drive(tmp_path, scene)


def test_fresh_sessions_are_not_taken_away_from_under_a_starting_client(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        await rig.log_in()
        await rig.log_in()
        assert (await rig.step()).state == "refused"
        rig.now += 31
        assert (await rig.step()).state == "done"

    drive(tmp_path, scene)


def test_a_full_gateway_says_so(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        await rig.log_in()
        refused = await rig.step()
        assert (refused.state, refused.reason) == ("refused", "The gateway is full. Try again later.")

    drive(tmp_path, scene, a_configuration(tmp_path, limits=Limits(sessions=1)))


def test_too_many_logins_at_once_are_told_to_wait(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        answers = await asyncio.gather(*(rig.step(address=f"192.0.2.{number}") for number in range(6)))
        assert [answer.reason for answer in answers].count(BUSY) == 2

    limits = Limits(logins=4)
    drive(tmp_path, scene, a_configuration(tmp_path, a_site(sessions_per_user=0), limits=limits))


def test_forms_left_open_give_way_and_their_answers_still_count(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        asked = [await rig.step(None, address=f"192.0.2.{number}") for number in range(8)]
        assert {answer.state for answer in asked} == {"form"}
        assert len(rig.child.logins.flows) == 4
        assert (await rig.step(flow=asked[0].flow, address="192.0.2.0")).state == "done"

    drive(tmp_path, scene, a_configuration(tmp_path, limits=Limits(logins=4)))


def test_a_flow_belongs_to_its_source(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        asked = await rig.step(None)
        other = await rig.step(None, flow=asked.flow, address="203.0.113.9")
        assert other.flow != asked.flow

    drive(tmp_path, scene)


def test_people_who_take_too_long_begin_anew(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.step(None)
        rig.pass_time(241)
        assert len(rig.child.logins.flows) == 0

    drive(tmp_path, scene, a_configuration(tmp_path, a_site(timeouts=Timeouts(login=240))))


def test_a_client_that_goes_away_gets_no_session_but_its_failure_counts(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        asked = await rig.step(None)
        good = asyncio.create_task(rig.step(flow=asked.flow))
        while not rig.hashed:
            await asyncio.sleep(0)
        await rig.ask(LoginCancel(asked.flow), "worker")
        assert (await good).state == "refused"
        assert len(rig.child.state.sessions) == 0
        asked = await rig.step(None)
        hashed = rig.hashed
        bad = asyncio.create_task(rig.step(password=b"no", flow=asked.flow))
        while rig.hashed == hashed:
            await asyncio.sleep(0)
        await rig.ask(LoginCancel(asked.flow), "worker")
        await bad
        assert len(await rig.events("login.failed")) == 1
        idle = await rig.step(None)
        await rig.ask(LoginCancel(idle.flow), "worker")
        await rig.ask(LoginCancel("unknown"), "worker")
        assert len(rig.child.logins.flows) == 0

    drive(tmp_path, scene)


def test_a_worker_that_dies_in_mid_check_takes_no_failure_back(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        step = asyncio.create_task(rig.step(password=b"no"))
        while not rig.hashed:
            await asyncio.sleep(0)
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        assert len(await rig.events("login.failed")) == 1

    drive(tmp_path, scene)


def test_groups(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user("anna", ("staff",))
        await rig.add_user("bert")
        await rig.log_in("anna", group="staff")
        assert (await rig.step("bert", group="staff")).state == "form"
        await rig.log_in("bert")
        groups = {session.user: session.group for session in rig.child.state.sessions}
        assert groups == {"anna": "staff", "bert": ""}
        (failed,) = await rig.events("login.failed")
        assert (failed["who"], failed["reason"]) == ("bert", "group")
        assert rig.child.state.guard.row(("account", "bert")) is None, "a right password is no failure"

    drive(tmp_path, scene)


def test_unknown_sites_and_repeated_steps_are_refused(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        message = LoginStep("", "elsewhere", peer(), rig.tls, "", "", ())
        assert (await rig.ask(message, "worker")).state == "refused"
        asked = await rig.step(None)
        both = await asyncio.gather(rig.step(flow=asked.flow), rig.step(flow=asked.flow))
        assert [answer.state for answer in both] == ["done", "refused"]

    drive(tmp_path, scene)


def test_when_nothing_can_be_stored_logins_are_refused_and_tunnels_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        await rig.open(cookie)
        store = rig.child.state.store
        apply = store.apply

        async def fail(changes: object) -> None:
            raise StoreError("the disk is full")

        monkeypatch.setattr(store, "apply", fail)
        assert (await rig.step()).reason == UNAVAILABLE
        assert (await rig.step()).reason == UNAVAILABLE
        assert len(rig.child.state.sessions) == 1, "no session without its row on disk"
        assert await rig.open(cookie, 1)
        monkeypatch.setattr(store, "apply", apply)
        await rig.child.state.ledger.flushed()
        assert (await rig.step()).state == "done"
        (unwritable,) = await rig.events("state.unwritable")
        assert unwritable["fields"]["detail"] == "the disk is full"

    drive(tmp_path, scene, a_configuration(tmp_path, a_site(sessions_per_user=0)))


def test_floods_of_failures_are_summed_up(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        for number in range(120):
            await rig.step(f"nobody{number}", address="192.0.2.9")
            if number % 10 == 0:
                # The clock looks as often as it likes: the second is not over.
                rig.child.tick()
        rig.pass_time(1)
        failed = await rig.events("login.failed")
        assert sum(record["fields"]["count"] for record in failed) == 120
        assert len(failed) == 51

    drive(tmp_path, scene, a_configuration(tmp_path, lockout=Lockout(address_failures=1000)))


def test_verifiers_made_with_less_work_are_renewed(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        store = rig.child.state.store
        await store.apply([PutUser(User("anna", "old:correct horse battery", (), 1))])
        await rig.log_in()
        await rig.settle()
        user = await store.user("anna")
        assert user is not None
        assert user.verifier == "v:correct horse battery"
        assert user.last_login == rig.now

    drive(tmp_path, scene)


def test_secrets_of_a_step_do_not_show(tmp_path: Path) -> None:
    message = LoginStep("", "main", peer(), Rig.tls, "", "", (("password", Secret(b"hidden")),))
    assert "hidden" not in repr(message)
