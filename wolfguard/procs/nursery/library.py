# SPDX-License-Identifier: GPL-3.0-or-later
"""libpam as this package uses it: python-pam's structures and bindings, and the calls that python-pam does not bind.

python-pam answers every hidden prompt with one password and knows no password change, so its `authenticate` cannot
carry a conversation of several rounds; its structures and the rest of its bindings do. Owns the ctypes of it all.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes.util import find_library
from dataclasses import dataclass
from typing import Any, Final

import pam  # type: ignore[import-untyped]
from pam import __internals as structures

from wolfguard.errors import StartError

PROMPTS: Final = frozenset({structures.PAM_PROMPT_ECHO_OFF, structures.PAM_PROMPT_ECHO_ON})
HIDDEN: Final[int] = structures.PAM_PROMPT_ECHO_OFF
SUCCESS: Final[int] = structures.PAM_SUCCESS
NEW_PASSWORD_REQUIRED: Final[int] = structures.PAM_NEW_AUTHTOK_REQD
CHANGE_EXPIRED: Final[int] = structures.PAM_CHANGE_EXPIRED_AUTHTOK
CONVERSATION_ERROR: Final[int] = structures.PAM_CONV_ERR
BUFFER_ERROR: Final[int] = structures.PAM_BUF_ERR
RESPONSE_MAX: Final = 511
"""Bytes of an answer that modules have room for (PAM_MAX_RESP_SIZE less its NUL)."""
MESSAGES_MAX: Final = 32
"""Messages of one call of the conversation function (PAM_MAX_NUM_MSG)."""

LABELS: Final = {
    structures.PAM_AUTH_ERR: "password",
    structures.PAM_USER_UNKNOWN: "user",
    structures.PAM_MAXTRIES: "tries",
    structures.PAM_PERM_DENIED: "denied",
    structures.PAM_ACCT_EXPIRED: "account_expired",
    structures.PAM_CRED_EXPIRED: "password_expired",
    structures.PAM_AUTHTOK_EXPIRED: "password_expired",
    structures.PAM_NEW_AUTHTOK_REQD: "password_expired",
    structures.PAM_AUTHTOK_ERR: "new_password",
    structures.PAM_AUTHTOK_RECOVER_ERR: "new_password",
    structures.PAM_TRY_AGAIN: "new_password",
    structures.PAM_SESSION_ERR: "session",
}
"""What means "no", and as which reason; any other code means that PAM could not decide."""
UNKNOWN_USER: Final[int] = structures.PAM_USER_UNKNOWN


@dataclass(frozen=True, slots=True)
class Prompt:
    """One message of a module. `style` is one of PAM's."""

    style: int
    text: str


Converse = Callable[[Sequence[Prompt]], "Sequence[bytes | None] | None"]
"""Answers, one for each prompt and None for a mere text; None for all means that the conversation is over."""


class Library:
    """Loaded once, before confinement: python-pam looks for libpam with a program of the system. Raises StartError."""

    def __init__(self) -> None:
        try:
            self.bindings: Any = pam.PamAuthenticator()
            plain = ctypes.CDLL(find_library("pam"))
        except (OSError, TypeError, AttributeError) as error:
            raise StartError(f"a backend of type pam needs libpam ({error}); install it") from error
        self.change_password = plain.pam_chauthtok
        self.change_password.argtypes = [structures.PamHandle, ctypes.c_int]
        self.get_item = plain.pam_get_item
        self.get_item.argtypes = [structures.PamHandle, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p)]


class Transaction:
    """One handle of PAM with its conversation function; `converse` is called in the middle of the other calls."""

    def __init__(self, library: Library, service: str, user: str, converse: Converse) -> None:
        self._library = library
        self._converse = converse
        self._function = structures.conv_func(self._call_back)
        self._conversation = structures.PamConv(self._function, None)
        self._handle = structures.PamHandle()
        self.code: int = library.bindings.pam_start(
            service.encode(), user.encode(), ctypes.byref(self._conversation), ctypes.byref(self._handle)
        )

    def set_items(self, rhost: str, tty: str) -> None:
        for item, value in ((structures.PAM_RHOST, rhost), (structures.PAM_TTY, tty)):
            self._library.bindings.pam_set_item(self._handle, item, ctypes.c_char_p(value.encode()))

    def put_environment(self, name: str, value: str) -> None:
        """For modules, and the programs that they start; not the environment of this process."""
        self._library.bindings.pam_putenv(self._handle, f"{name}={value}".encode())

    def authenticate(self) -> int:
        return int(self._library.bindings.pam_authenticate(self._handle, 0))

    def account(self) -> int:
        return int(self._library.bindings.pam_acct_mgmt(self._handle, 0))

    def change_password(self, flags: int) -> int:
        return int(self._library.change_password(self._handle, flags))

    def open_session(self) -> int:
        """Credentials and session; neither is left behind by a failure."""
        bindings = self._library.bindings
        code = int(bindings.pam_setcred(self._handle, structures.PAM_ESTABLISH_CRED))
        if code != SUCCESS:
            return code
        code = int(bindings.pam_open_session(self._handle, 0))
        if code != SUCCESS:
            bindings.pam_setcred(self._handle, structures.PAM_DELETE_CRED)
        return code

    def close_session(self) -> int:
        """Gives back what `open_session` opened."""
        code = int(self._library.bindings.pam_close_session(self._handle, 0))
        self._library.bindings.pam_setcred(self._handle, structures.PAM_DELETE_CRED)
        return code

    def user(self) -> str:
        """Who it is by now: modules may change the name."""
        value = ctypes.c_void_p()
        if self._library.get_item(self._handle, structures.PAM_USER, ctypes.byref(value)) != SUCCESS or not value.value:
            return ""
        return ctypes.string_at(value.value).decode(errors="replace")

    def end(self, code: int) -> None:
        self._library.bindings.pam_end(self._handle, code)

    def _call_back(self, count: int, messages: Any, responses: Any, _: Any) -> int:
        try:
            if not 0 < count <= MESSAGES_MAX:
                return CONVERSATION_ERROR
            prompts = [_prompt(messages[index].contents) for index in range(count)]
            answers = self._converse(prompts)
        except Exception:
            # An exception cannot pass through C; the transaction then fails in order.
            return CONVERSATION_ERROR
        if answers is None or len(answers) != count:
            return CONVERSATION_ERROR
        return self._respond(answers, responses)

    def _respond(self, answers: Sequence[bytes | None], responses: Any) -> int:
        calloc = self._library.bindings.calloc
        address = calloc(len(answers), ctypes.sizeof(structures.PamResponse))
        if not address:
            return BUFFER_ERROR
        array = ctypes.cast(address, ctypes.POINTER(structures.PamResponse))
        for index, answer in enumerate(answers):
            if answer is None:
                continue
            copy = calloc(len(answer) + 1, 1)
            if not copy:
                return BUFFER_ERROR
            ctypes.memmove(copy, answer, len(answer))
            # The module frees it.
            array[index].resp = copy
        responses[0] = array
        return SUCCESS


def _prompt(message: Any) -> Prompt:
    return Prompt(int(message.msg_style), (message.msg or b"").decode(errors="replace"))
