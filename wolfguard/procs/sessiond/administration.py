# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts of administration: each checks the caller's role again, does one thing, and leaves a record.

mgmtd has checked the role by the socket's peer credentials; a captured mgmtd still passes through here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn

from wolfguard.auth.lockout import ACCOUNT
from wolfguard.auth.names import NameRefusedError, login_name, new_name, new_password
from wolfguard.ipc.channel import Sender
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.management import (
    Actor,
    AddUser,
    AdminEvent,
    CopyState,
    Disconnect,
    Disconnected,
    NoteEvidence,
    RemoveUser,
    SetPassword,
    StateCopied,
    UnlockUser,
)
from wolfguard.ipc.messages import Done
from wolfguard.procs.sessiond.endings import KICKED, PASSWORD_SET, REMOVED, end_session
from wolfguard.procs.sessiond.state import State
from wolfguard.records.schema import FAILURE, SUCCESS
from wolfguard.secret import Secret
from wolfguard.store.interface import Change, DropUser, PutUser, SetVerifier, StoreError, User

ROLES: Final = ("auditor", "operator", "admin")
GROUPS_MAX: Final = 64
TEXT_MAX: Final = 512
DIGEST_DIGITS: Final = 96
EVIDENCE_MAX: Final = 20
EVIDENCE_SECONDS: Final = 60.0


def may(actor: Actor, role: str) -> bool:
    """Whether an actor has at least this role."""
    return actor.role in ROLES and ROLES.index(actor.role) >= ROLES.index(role)


class Administration:
    """Handlers of mgmtd's acts. `hash_password` makes a verifier; it takes its time in a thread."""

    def __init__(self, state: State, hash_password: Callable[[Secret], Awaitable[str]]) -> None:
        self._state = state
        self._hash = hash_password
        self._evidence: list[float] = []
        """When evidence was signed lately."""

    async def disconnect(self, message: Disconnect, sender: Sender) -> Disconnected:
        """Ends one session or all of a user. Errors: "denied", "invalid", "missing"."""
        sessions = self._state.sessions
        account = message.user or str(message.session)
        self._allow(message.actor, "operator", "admin.disconnected", account, count=0)
        if bool(message.session) == bool(message.user):
            self._refuse(message.actor, "admin.disconnected", account, "invalid", "Name a session or a user.", count=0)
        one = sessions.get(message.session)
        chosen = sessions.of_user(message.user) if message.user else (one,) if one else ()
        if not chosen:
            what = f"user {message.user}" if message.user else f"session {message.session}"
            text = f"There is no session of {what}." if message.user else f"There is no {what}."
            self._refuse(message.actor, "admin.disconnected", account, "missing", text, count=0)
        for session in chosen:
            end_session(self._state, session, KICKED, message.text[:TEXT_MAX])
        self._note(message.actor, "admin.disconnected", account, count=len(chosen))
        await self._settled()
        return Disconnected(len(chosen))

    async def add_user(self, message: AddUser, sender: Sender) -> Done:
        """Errors: "denied", "invalid", "exists", "store"."""
        event, groups = "admin.user-added", ",".join(message.groups[:GROUPS_MAX])
        self._allow(message.actor, "admin", event, message.name, groups=groups)
        try:
            name = new_name(message.name)
            password = new_password(name, message.password.reveal(), self._minimum())
            self._check_groups(message.groups)
        except NameRefusedError as error:
            self._refuse(message.actor, event, message.name, "invalid", str(error), groups=groups)
        if await self._user(message.actor, event, name, groups=groups) is not None:
            self._refuse(message.actor, event, name, "exists", f"There is a user {name!r} already.", groups=groups)
        verifier = await self._hash(Secret(password))
        user = User(name, verifier, tuple(dict.fromkeys(message.groups)), self._state.now())
        await self._apply(message.actor, event, name, PutUser(user), groups=groups)
        return Done()

    async def remove_user(self, message: RemoveUser, sender: Sender) -> Done:
        """Errors: "denied", "missing", "store"."""
        event = "admin.user-removed"
        self._allow(message.actor, "admin", event, message.name)
        await self._existing(message.actor, event, message.name)
        await self._apply(message.actor, event, message.name, DropUser(message.name), ends=REMOVED)
        self._clear(message.name)
        await self._settled()
        return Done()

    async def set_password(self, message: SetPassword, sender: Sender) -> Done:
        """Errors: "denied", "invalid", "missing", "store"."""
        event = "admin.password-set"
        self._allow(message.actor, "admin", event, message.name)
        await self._existing(message.actor, event, message.name)
        try:
            password = new_password(message.name, message.password.reveal(), self._minimum())
        except NameRefusedError as error:
            self._refuse(message.actor, event, message.name, "invalid", str(error))
        verifier = await self._hash(Secret(password))
        await self._apply(message.actor, event, message.name, SetVerifier(message.name, verifier), ends=PASSWORD_SET)
        return Done()

    async def unlock_user(self, message: UnlockUser, sender: Sender) -> Done:
        """Lifts an account's lockout and forgets its failures. Errors: "denied", "missing"."""
        event = "admin.user-unlocked"
        self._allow(message.actor, "operator", event, message.name)
        await self._existing(message.actor, event, message.name)
        self._clear(message.name)
        self._note(message.actor, event, message.name)
        await self._settled()
        return Done()

    async def note_evidence(self, message: NoteEvidence, sender: Sender) -> Done:
        """The record of a signature that mgmtd has asked of it next. Errors: "denied", "busy", "store"."""
        event, detail = "admin.evidence-signed", message.subject[:TEXT_MAX]
        fields = {"digest": message.digest[:DIGEST_DIGITS], "detail": detail}
        if not may(message.actor, "auditor"):
            self._record(message.actor, event, FAILURE, "denied", **fields)
            raise IpcError("denied", "This needs the role auditor.")
        now = self._state.clock()
        self._evidence = [at for at in self._evidence if now - at < EVIDENCE_SECONDS]
        if len(self._evidence) >= EVIDENCE_MAX:
            self._record(message.actor, event, FAILURE, "busy", **fields)
            raise IpcError("busy", f"{EVIDENCE_MAX} bundles were signed in the last minute; try again later.")
        self._evidence.append(now)
        self._record(message.actor, event, SUCCESS, "", **fields)
        await self._settled()
        return Done()

    async def copy_state(self, message: CopyState, sender: Sender) -> StateCopied:
        """The record comes first, so that the copy has it. Errors: "denied", "store"."""
        event = "admin.state-copied"
        if not may(message.actor, "admin"):
            self._record(message.actor, event, FAILURE, "denied")
            raise IpcError("denied", "This needs the role admin.")
        self._record(message.actor, event, SUCCESS, "")
        await self._settled()
        try:
            return StateCopied(await self._state.store.copy())
        except StoreError as error:
            raise IpcError("store", str(error)) from error

    async def admin_event(self, message: AdminEvent, sender: Sender) -> None:
        """Something that mgmtd answered itself."""
        self._state.ledger.record(
            "admin.act",
            SUCCESS if message.outcome == SUCCESS else FAILURE,
            who=_who(message.actor),
            where="management",
            reason="" if message.outcome == SUCCESS else message.outcome,
            act=message.act,
            detail=message.detail,
        )

    # --- inside ------------------------------------------------------------------------------------------------------

    def _minimum(self) -> int:
        return self._state.settings.configuration.passwords.minimum_length

    def _check_groups(self, groups: tuple[str, ...]) -> None:
        if len(groups) > GROUPS_MAX:
            raise NameRefusedError(f"a user has at most {GROUPS_MAX} groups")
        known = {group.name for site in self._state.settings.configuration.sites for group in site.groups}
        for group in groups:
            if group not in known:
                names = ", ".join(sorted(known)) or "none"
                raise NameRefusedError(f"there is no group {group[:64]!r} in the site file; its groups: {names}")

    def _allow(self, actor: Actor, role: str, event: str, account: str, **fields: Any) -> None:
        if not may(actor, role):
            self._refuse(actor, event, account, "denied", f"This needs the role {role}.", **fields)

    async def _user(self, actor: Actor, event: str, name: str, **fields: Any) -> User | None:
        try:
            return await self._state.store.user(name)
        except StoreError as error:
            self._refuse(actor, event, name, "store", str(error), **fields)

    async def _existing(self, actor: Actor, event: str, name: str) -> None:
        if login_name(name) is None or await self._user(actor, event, name) is None:
            self._refuse(actor, event, name, "missing", f"There is no user {name[:64]!r}.")

    async def _apply(
        self, actor: Actor, event: str, name: str, change: Change, *, ends: str = "", **fields: Any
    ) -> None:
        try:
            await self._state.store.apply([change])
        except StoreError as error:
            self._refuse(actor, event, name, "store", str(error), **fields)
        if ends:
            for session in self._state.sessions.of_user(name):
                end_session(self._state, session, ends)
        self._note(actor, event, name, **fields)
        await self._settled()

    def _clear(self, name: str) -> None:
        self._state.guard.clear((ACCOUNT, name))
        self._state.store_failures()

    async def _settled(self) -> None:
        """The act is answered when it is on disk, so that no power cut takes it back."""
        try:
            await self._state.ledger.flushed()
        except StoreError as error:
            raise IpcError("store", f"Done, but not stored yet: {error}") from error

    def _note(self, actor: Actor, event: str, account: str, **fields: Any) -> None:
        self._record(actor, event, SUCCESS, "", user=account, detail="", **fields)

    def _refuse(self, actor: Actor, event: str, account: str, code: str, text: str, **fields: Any) -> NoReturn:
        self._record(actor, event, FAILURE, code, user=account, detail=text, **fields)
        raise IpcError(code, text)

    def _record(self, actor: Actor, event: str, outcome: str, reason: str, **fields: Any) -> None:
        self._state.ledger.record(event, outcome, who=_who(actor), where="management", reason=reason, **fields)


def _who(actor: Actor) -> str:
    return f"{actor.name} ({actor.uid}, {actor.role})"
