# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway says while a client logs in: a form, the end of the login, or a refusal.

Owns the documents of aggregate authentication. A wrong password is a form again, with an error, in a response 200:
clients end the login at any 4xx. A refusal is a document without inputs, which clients show and then give up. Clients
without XML get the same `auth` element as a bare document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from wolfguard.errors import LocalError
from wolfguard.protocol import cookies
from wolfguard.protocol.http import Response
from wolfguard.protocol.login import FLOW_ELEMENT, GROUP_FIELD, Style
from wolfguard.protocol.markup import DECLARATION, Element, render
from wolfguard.secret import Secret

CONTENT_TYPE: Final = "text/xml; charset=utf-8"
_VERSION: Final = Element("version", {"who": "sg"}, text="0.1(1)")
_TITLE: Final = "SSL VPN Service"
# The name of an input becomes the name of an element in the client's answer.
_XML_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_INPUTS: Final = frozenset({"text", "password", "hidden"})


@dataclass(frozen=True, slots=True)
class Field:
    """One input. `kind`: text, password, hidden, select. `choices`: (value, label) of a select; `value` is preset."""

    name: str
    kind: str
    label: str
    value: str = ""
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """One round. `auth_id`: main, or challenge where clients may fill in a one-time password by themselves."""

    auth_id: str
    message: str
    error: str
    banner: str
    fields: tuple[Field, ...]


def ask(form: Form, flow: str, *, style: Style, action: str) -> Response:
    """The form as a response; `action` is the path for the answer. LocalError for a form that XML cannot carry."""
    inputs = tuple(_input(field) for field in form.fields)
    children = [
        *_texts(banner=form.banner, message=form.message, error=form.error),
        Element("form", {"method": "post", "action": action}, inputs),
    ]
    auth = Element("auth", {"id": form.auth_id}, tuple(children))
    opaque = Element("opaque", {"is-for": "sg"}, (Element(FLOW_ELEMENT, text=flow),))
    headers = (cookies.give_context(flow),) if flow else ()
    return _page(auth, style, "auth-request", before=(opaque,) if flow else (), headers=headers)


def complete(cookie: Secret, flow: str, banner: str, *, style: Style) -> Response:
    """The login succeeded: the bearer cookie and the banner. LocalError when cookie or flow is no token."""
    title = Element("title", text=_TITLE)
    auth = Element("auth", {"id": "success"}, (title, *_texts(banner=banner)))
    headers = (
        *((cookies.give_context(flow),) if flow else ()),
        cookies.give_session(cookie),
        *cookies.give_download(),
    )
    return _page(auth, style, "complete", headers=headers)


def refuse(reason: str, *, style: Style) -> Response:
    """No retry: the client shows the reason and ends."""
    auth = Element("auth", {"id": "main"}, _texts(error=reason))
    return _page(auth, style, "auth-request", headers=(cookies.take_back(cookies.CONTEXT),))


def goodbye() -> Response:
    """After a logout."""
    auth = Element("auth", {"id": "logout"}, _texts(message="You have been logged out."))
    headers = (cookies.take_back(cookies.SESSION), cookies.take_back(cookies.CONTEXT))
    return _page(auth, Style.PLAIN, "complete", headers=headers)


def _page(
    auth: Element,
    style: Style,
    kind: str,
    *,
    before: tuple[Element, ...] = (),
    headers: tuple[tuple[str, str], ...] = (),
) -> Response:
    root = auth
    if style is Style.XML:
        attributes = {"client": "vpn", "type": kind, "aggregate-auth-version": "2"}
        root = Element("config-auth", attributes, (_VERSION, *before, auth))
    body = DECLARATION + render(root) + "\n"
    return Response(200, body.encode("utf-8"), CONTENT_TYPE, (("X-Transcend-Version", "1"), *headers))


def _texts(**texts: str) -> tuple[Element, ...]:
    return tuple(Element(name, text=text) for name, text in texts.items() if text)


def _input(field: Field) -> Element:
    if _XML_NAME.fullmatch(field.name) is None:
        raise LocalError(f"an input named {field.name!r} cannot come back in XML: use letters, digits and '_'")
    if field.kind == "select":
        return _select(field)
    if field.kind not in _INPUTS:
        raise LocalError(f"the input {field.name} has kind {field.kind!r}, which clients do not know")
    attributes = {"type": field.kind, "name": field.name, "label": field.label}
    if field.value:
        attributes["value"] = field.value
    return Element("input", attributes)


def _select(field: Field) -> Element:
    choices = list(field.choices)
    if field.name == GROUP_FIELD:
        # Clients take the first group for the selected one, whatever the attribute says.
        choices.sort(key=lambda choice: choice[0] != field.value)
    options = tuple(
        Element("option", {"value": value, **({"selected": "true"} if value == field.value else {})}, text=label)
        for value, label in choices
    )
    return Element("select", {"name": field.name, "label": field.label}, options)
