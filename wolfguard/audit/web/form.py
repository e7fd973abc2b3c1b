# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of a login as a client reads it: its notice, its inputs, whether it is over, and the answer to it.

Owns which input gets what: a name for text, the next secret for each password, "accept" where a choice has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

from wolfguard.audit.web.answer import Answer
from wolfguard.audit.web.requests import post, reply
from wolfguard.errors import PeerError
from wolfguard.protocol import markup
from wolfguard.protocol.markup import Element

ACCEPT: Final = "accept"
GROUP: Final = "group_list"
SUCCESS: Final = "success"


class NoFormError(ValueError):
    """The answer is no page of a login, or one that cannot be answered; the text says why."""


@dataclass(frozen=True, slots=True)
class Input:
    """`kind` is text, password, hidden or select; `choices` are the values of a select."""

    name: str
    kind: str
    value: str = field(default="", repr=False)
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """`over`: the login has succeeded. `opaque` is the login's own, to be given back as it is. A notice that must be
    accepted stands in `message` too, where clients show what they ask about."""

    notice: str
    message: str
    error: str
    action: str
    inputs: tuple[Input, ...]
    over: bool
    opaque: str = field(default="", repr=False)

    @property
    def consent(self) -> bool:
        """Whether it is a notice that must be accepted, before a name or a secret is asked for."""
        return bool(self.notice) and _asks_consent(self.inputs)


def read(answer: Answer) -> Page:
    """Raises NoFormError."""
    try:
        root = markup.parse(answer.body.lstrip())
    except PeerError as error:
        raise NoFormError(f"the answer (status {answer.status}) is no page of a login: {error.label}") from None
    auth = root if root.name == "auth" else root.child("auth")
    if auth is None:
        raise NoFormError(f"the answer (status {answer.status}) has no element auth")
    form, opaque = auth.child("form"), root.child("opaque")
    inputs = () if form is None else tuple(_inputs(form))
    message = auth.child_text("message")
    return Page(
        # what is to be accepted stands above the choice, where every client shows it
        notice=auth.child_text("banner") or (message if _asks_consent(inputs) else ""),
        message=message,
        error=auth.child_text("error"),
        action="" if form is None else form.attributes.get("action", "/"),
        inputs=inputs,
        over=auth.attributes.get("id") == SUCCESS,
        opaque="" if opaque is None else markup.render(opaque),
    )


def fill(page: Page, host: str, user: str, secrets: Iterator[str], group: str = "") -> bytes:
    """The request that answers it. Raises NoFormError where it asks for more than is known."""
    if not page.inputs:
        raise NoFormError(page.error or page.message or "a page without a form")
    values: dict[str, str] = {}
    for each in page.inputs:
        match each.kind:
            case "password":
                secret = next(secrets, None)
                if secret is None:
                    raise NoFormError("it asks for more secrets than the test account has")
                values[each.name] = secret
            case "text":
                values[each.name] = user
            case "select":
                values[each.name] = _chosen(each, group)
            case _:
                values[each.name] = each.value
    chosen = values.pop(GROUP, "")
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
    selected = f"<group-select>{escape(chosen)}</group-select>" if chosen else ""
    return post(page.action, host, reply(f"{page.opaque}<auth>{inner}</auth>{selected}"))


def cookie(answer: Answer, name: str = "webvpn") -> tuple[str, Mapping[str, str]]:
    """The cookie's value and its attributes by lower-case names; ("", {}) where it is not given."""
    for header in answer.values("set-cookie"):
        pair, *attributes = (part.strip() for part in header.split(";"))
        key, _, value = pair.partition("=")
        if key == name and value:
            return value, {each.partition("=")[0].lower(): each.partition("=")[2] for each in attributes}
    return "", {}


def open_cookies(answer: Answer) -> tuple[str, ...]:
    """Names of cookies that scripts can read, or that also travel without TLS. Taking one back is giving none."""
    found: list[str] = []
    for header in answer.values("set-cookie"):
        pair, *attributes = (part.strip() for part in header.split(";"))
        key, _, value = pair.partition("=")
        words = {each.partition("=")[0].lower() for each in attributes}
        if value and not {"secure", "httponly"} <= words:
            found.append(key)
    return tuple(found)


def _inputs(form: Element) -> Iterator[Input]:
    for each in form.children:
        kind = "select" if each.name == "select" else each.attributes.get("type", "text")
        name = each.attributes.get("name", "")
        if each.name in ("input", "select") and name:
            choices = tuple(option.attributes.get("value", "") for option in each.children)
            yield Input(name, kind, each.attributes.get("value", ""), choices)


def _asks_consent(inputs: Sequence[Input]) -> bool:
    kinds = {each.kind for each in inputs}
    return "password" not in kinds and "text" not in kinds and any(map(_accepts, inputs))


def _accepts(field: Input) -> bool:
    return field.kind == "select" and field.name != GROUP and ACCEPT in field.choices


def _chosen(field: Input, group: str) -> str:
    wanted = group if field.name == GROUP else ACCEPT
    return wanted if wanted in field.choices else (field.choices[0] if field.choices else "")
