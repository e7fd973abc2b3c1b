# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client says while it logs in: config-auth documents, or plain forms from clients without XML.

Owns reading and bounds; answers are written by `login_page`. Must not know users, groups or whether a password is
right. The body decides about the style, not Content-Type: clients disagree about that header. A login is a chain of
rounds, held together by its flow, which comes back in `opaque` (XML) or in the cookie `webvpncontext` (plain forms).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import unquote_to_bytes

from wolfguard.errors import PeerError
from wolfguard.protocol import markup
from wolfguard.protocol.agent import printable
from wolfguard.protocol.cookies import is_token
from wolfguard.secret import Secret

FIELDS_MAX: Final = 16
NAME_MAX: Final = 64
VALUE_MAX: Final = 4096
VALUES_MAX: Final = 16384
GROUP_MAX: Final = 128

GROUP_FIELD: Final = "group_list"
FLOW_ELEMENT: Final = "flow"

# XML mode has clients rename these on their own; plain forms are brought to the same names here.
_ANSWERS: Final = frozenset({"answer", "whichpin", "new_password"})
_REPEATS: Final = frozenset({"verify_pin", "verify_password"})
_FIELD_NAME: Final = re.compile(rf"[A-Za-z_][A-Za-z0-9_.-]{{0,{NAME_MAX - 1}}}")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Style(Enum):
    """How this client writes, and so how it is answered."""

    XML = "xml"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class LoginMessage:
    """One round as the client sent it. `initial`: a new login begins, so `fields` and `flow` are empty.

    `group` is a group's name or label, or ""; `access` is the URL path that the client was pointed at, or "".
    """

    style: Style
    initial: bool
    flow: str = field(default="", repr=False)
    group: str = ""
    access: str = ""
    fields: tuple[tuple[str, Secret], ...] = ()


def plain_start() -> LoginMessage:
    """What GET means: a client without XML wants the first form."""
    return LoginMessage(Style.PLAIN, initial=True)


def parse(body: bytes, context: str) -> LoginMessage:
    """Reads the body of a POST; `context` is the flow of the context cookie, for when the body has none.

    Raises PeerError: login_document, login_field, login_field_limit, login_flow, login_form, and those of `markup`.
    """
    if body.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1] == b"<":
        return _parse_document(body.lstrip(), context)
    return _parse_form(body, context)


def _parse_document(body: bytes, context: str) -> LoginMessage:
    root = markup.parse(body)
    kind = root.attributes.get("type", "")
    if root.name != "config-auth" or kind not in ("init", "auth-reply"):
        raise PeerError("login_document", f"{printable(root.name, 32)} of type {printable(kind, 32)!r}")
    group = printable(root.child_text("group-select"), GROUP_MAX)
    access = _path(root.child_text("group-access"))
    if kind == "init":
        return LoginMessage(Style.XML, initial=True, group=group, access=access)
    auth = root.child("auth")
    inputs = [] if auth is None else [(child.name, child.text.encode()) for child in auth.children]
    fields, listed = _collect(inputs)
    return LoginMessage(
        Style.XML,
        initial=False,
        flow=_flow(root) or context,
        group=group or listed,
        access=access,
        fields=fields,
    )


def _parse_form(body: bytes, context: str) -> LoginMessage:
    if not body.strip():
        return plain_start()
    pairs = body.split(b"&", FIELDS_MAX + 1)
    if len(pairs) > FIELDS_MAX:
        raise PeerError("login_field_limit", f"more than {FIELDS_MAX} fields")
    inputs: list[tuple[str, bytes]] = []
    for pair in pairs:
        if _BAD_ESCAPE.search(pair):
            raise PeerError("login_form", "a broken percent escape")
        name, separator, value = pair.replace(b"+", b" ").partition(b"=")
        if not separator:
            raise PeerError("login_form", "a field without '='")
        inputs.append((unquote_to_bytes(name).decode("latin-1"), unquote_to_bytes(value)))
    fields, group = _collect(inputs)
    return LoginMessage(Style.PLAIN, initial=False, flow=context, group=group, fields=fields)


def _collect(inputs: Iterable[tuple[str, bytes]]) -> tuple[tuple[tuple[str, Secret], ...], str]:
    """Checks and renames inputs; the group's select is taken out of them."""
    fields: dict[str, Secret] = {}
    group = ""
    total = 0
    for name, value in inputs:
        total += len(value)
        if len(fields) >= FIELDS_MAX or len(value) > VALUE_MAX or total > VALUES_MAX:
            raise PeerError("login_field_limit", "too many or too long values")
        _check(name, value)
        if name == GROUP_FIELD:
            group = printable(value.decode(), GROUP_MAX)
            continue
        if name in _REPEATS:
            continue
        known = "password" if name in _ANSWERS else name
        if known in fields:
            raise PeerError("login_field", f"{known} twice")
        fields[known] = Secret(value)
    return tuple(fields.items()), group


def _check(name: str, value: bytes) -> None:
    if _FIELD_NAME.fullmatch(name) is None:
        raise PeerError("login_field", f"a name of {len(name)} characters that no form of ours has")
    if _CONTROL.search(value):
        raise PeerError("login_field", f"{name} holds control characters")
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        raise PeerError("login_field", f"{name} is not UTF-8") from None


def _flow(root: markup.Element) -> str:
    opaque = root.child("opaque")
    flow = "" if opaque is None else opaque.child_text(FLOW_ELEMENT)
    if flow and not is_token(flow):
        raise PeerError("login_flow", f"an opaque flow of {len(flow)} characters")
    return flow


def _path(url: str) -> str:
    """The path of `https://host/path?query`; "" when there is none."""
    rest = url.partition("://")[2]
    return printable("/" + rest.partition("/")[2].partition("?")[0], GROUP_MAX) if "/" in rest else ""
