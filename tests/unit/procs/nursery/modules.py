# SPDX-License-Identifier: GPL-3.0-or-later
"""A libpam of the test's own: phases are functions of the test, which ask through the real structures of PAM.

It stands in the place of `Library`, with the same calls. What it asks goes through the C function pointer that a
transaction gives to libpam, in arrays as libpam makes them, and answers are read and freed as modules do.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from ctypes import POINTER, byref, c_void_p
from typing import Any

import pam  # type: ignore[import-untyped]
from pam import __internals as structures

from wolfguard.procs.nursery.library import SUCCESS

_free = ctypes.CDLL(None).free
_free.argtypes = [c_void_p]

Message = tuple[int, bytes | None]
Ask = Callable[..., "list[bytes | None] | int"]
Phase = Callable[[Ask], int]


class Modules:
    """`phases`: by the names "authenticate", "account", "change", "open", "close"; what is missing succeeds. `calls` is
    what was called, in order, `items` and `environment` what was set."""

    def __init__(self, phases: Mapping[str, Phase], *, user: str = "", started: int = SUCCESS) -> None:
        self._phases = phases
        self._started = started
        self._user = user
        self._conversation: Any = None
        self.bindings = self
        self.calloc = pam.PamAuthenticator().calloc
        self.calls: list[str] = []
        self.items: dict[int, str] = {}
        self.environment: list[str] = []

    # --- as python-pam binds them ------------------------------------------------------------------------------------

    def pam_start(self, service: bytes, user: bytes, conversation: Any, handle: Any) -> int:
        self.calls.append(f"start {service.decode()} {user.decode()}")
        self._conversation = conversation._obj
        self._user = self._user or user.decode()
        return self._started

    def pam_set_item(self, handle: Any, item: int, value: Any) -> int:
        self.items[item] = value.value.decode()
        return SUCCESS

    def pam_putenv(self, handle: Any, text: bytes) -> int:
        self.environment.append(text.decode())
        return SUCCESS

    def pam_authenticate(self, handle: Any, flags: int) -> int:
        return self._run("authenticate")

    def pam_acct_mgmt(self, handle: Any, flags: int) -> int:
        return self._run("account")

    def change_password(self, handle: Any, flags: int) -> int:
        return self._run("change")

    def pam_setcred(self, handle: Any, flags: int) -> int:
        return self._run("establish" if flags == structures.PAM_ESTABLISH_CRED else "delete")

    def pam_open_session(self, handle: Any, flags: int) -> int:
        return self._run("open")

    def pam_close_session(self, handle: Any, flags: int) -> int:
        return self._run("close")

    def pam_end(self, handle: Any, code: int) -> int:
        self.calls.append(f"end {code}")
        return SUCCESS

    def get_item(self, handle: Any, item: int, out: Any) -> int:
        self._kept = ctypes.create_string_buffer(self._user.encode())
        out._obj.value = ctypes.addressof(self._kept)
        return SUCCESS

    # --- what modules do ---------------------------------------------------------------------------------------------

    def ask(self, *messages: Message, count: int | None = None) -> list[bytes | None] | int:
        """The answers, or the code with which the conversation function failed."""
        made = [structures.PamMessage(style, text) for style, text in messages]
        pointers = (POINTER(structures.PamMessage) * max(1, len(made)))(*(ctypes.pointer(each) for each in made))
        responses = POINTER(structures.PamResponse)()
        code = self._conversation.conv(len(made) if count is None else count, pointers, byref(responses), None)
        if code != SUCCESS:
            return int(code)
        answers: list[bytes | None] = []
        for index in range(len(made)):
            # The address of the field, so that it can be freed.
            address = c_void_p.from_buffer(responses[index]).value
            answers.append(ctypes.string_at(address) if address else None)
            _free(address)
        _free(ctypes.cast(responses, c_void_p))
        return answers

    def _run(self, phase: str) -> int:
        self.calls.append(phase)
        return self._phases[phase](self.ask) if phase in self._phases else SUCCESS
