# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is full: state and records of a whole gateway lie on a small file system of its own, which is filled."""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.interop.conftest import PASSWORD, Field
from tests.interop.raw import Raw
from tests.system.test_records import stop, verified
from tests.system.whole_gateway import status, until

MOUNT = 'mkdir -p "$1" && mount -t tmpfs -o "size=16m,uid=$2,gid=$3,mode=700" tmpfs "$1" && shift 3 && exec "$@"'


def on_a_small_disk(folder: Path) -> tuple[str, ...]:
    """Runs the gateway in a mount namespace where its state folder is a file system of 16 MiB."""
    account = pwd.getpwnam("wolfguard-sessiond")
    place = (str(folder / "state"), str(account.pw_uid), str(account.pw_gid))
    return ("unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNT, "stage", *place)


def disk(field: Field) -> Path:
    """The small file system, as it is for the gateway."""
    assert field.gateway.process is not None
    return Path(f"/proc/{field.gateway.process.pid}/root{field.site.document['paths']['state']}")


@contextmanager
def full(field: Field) -> Iterator[None]:
    """No byte is left on it."""
    filler = disk(field) / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    os.write(descriptor, b"\0" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017
        yield
    finally:
        os.close(descriptor)
        filler.unlink()


def logs_in(field: Field) -> bool:
    with closing(Raw.open(field.topology.client, str(field.site.authority))) as raw:
        try:
            cookie = raw.log_in("alice", PASSWORD)
        except ConnectionError:
            return False
        return bool(raw.connect(cookie)[0] == 200)


def facts(field: Field) -> dict[str, str]:
    found: dict[str, str] = status(field)["facts"]["sessiond"]
    return found


def made(make_gateway: Callable[..., Field], when_full: str) -> Field:
    def edit(document: dict[str, Any]) -> None:
        document["records"] |= {"when_full": when_full, "checkpoint_records": 5}
        document["sites"][0]["sessions_per_user"] = 100
        document["limits"] = {"handshakes_per_second": 1000, "handshake_burst": 1000, "unauthenticated": 1000}

    field = make_gateway(edit, runner=on_a_small_disk)
    field.add_user("alice")
    assert logs_in(field)
    return field


def test_logins_are_refused_until_there_is_room_again(make_gateway: Callable[..., Field], tmp_path: Path) -> None:
    field = made(make_gateway, "refuse")
    with full(field):
        # The first one finds out; from then on nobody is let in.
        until(lambda: not logs_in(field), "a refused login")
        assert not logs_in(field)
        assert facts(field)["state"] == "not writable: logins are refused"
        assert "state_unwritable" in field.gateway.log.read_text()
    until(lambda: facts(field)["state"] == "writable", "a state that can be written")
    assert logs_in(field)
    assert field.recorded("state.unwritable")
    verify(field, tmp_path)


def test_service_goes_on_where_the_site_wants_that(make_gateway: Callable[..., Field], tmp_path: Path) -> None:
    field = made(make_gateway, "count")
    with full(field):
        until(lambda: facts(field)["state"] == "not writable: service goes on without", "a state that is full")
        assert logs_in(field)
    until(lambda: facts(field)["state"] == "writable", "a state that can be written")
    assert field.events().count('"event":"login.succeeded"') == 2, "what was made meanwhile is there now"
    verify(field, tmp_path)


def verify(field: Field, folder: Path) -> None:
    """The trail is sound to its end; the file is copied before its file system ends with the gateway."""
    until(lambda: facts(field)["checkpoints"].startswith("signed up to"), "a checkpoint")
    until(lambda: facts(field)["records"] == "delivered", "delivery")
    copy = folder / "records.jsonl"
    copy.write_bytes((disk(field) / "records.jsonl").read_bytes())
    code, found = verified(field, str(copy))
    assert (code, found["lost"], found["first"]) == (0, 0, 1), found
    stop(field)
