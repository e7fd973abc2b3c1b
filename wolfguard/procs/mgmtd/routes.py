# SPDX-License-Identifier: GPL-3.0-or-later
"""The management interface as one table: method, path, who may call it, what it takes.

Owns the table and the check of a request against it. `docs/reference/api.yml` describes the same, and a test holds
the two together. Must not know sockets or what an act does (`acts`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from wolfguard.errors import PeerError
from wolfguard.ipc import codec
from wolfguard.procs.mgmtd.roles import Role
from wolfguard.protocol.http import Request
from wolfguard.secret import Secret

BODY_MAX: Final = 64 * 1024
NUMBER_MAX: Final = 2**63 - 1
EVENTS_WAIT_MAX: Final = 30
PAGE_MAX: Final = 100
TEXT_MAX: Final = 256
SECRET_MAX: Final = 1024

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NUMBER = re.compile(r"[0-9]{1,19}\Z")


class BadRequestError(PeerError):
    """The caller asked wrongly; `status` is HTTP's, the detail says what is right."""

    def __init__(self, status: int, label: str, detail: str) -> None:
        super().__init__(label, detail)
        self.status = status


@dataclass(frozen=True, slots=True)
class Argument:
    """One value. `kind`: "number", "text", "flag" (true or false), "secret" (text, handed on as Secret) or "list" (of
    text). `place`: "path", "query" or "body". One without a default is required."""

    name: str
    place: str
    kind: str
    default: int | str | bool | tuple[str, ...] | None = None
    highest: int = NUMBER_MAX


@dataclass(frozen=True, slots=True)
class Route:
    """`recorded`: "mgmtd" when mgmtd writes the record of the act, "sessiond" when the one who does it writes it."""

    method: str
    path: str
    act: str
    role: Role
    recorded: str
    summary: str
    arguments: tuple[Argument, ...] = ()


_SESSION = Argument("session", "path", "number")
_NAME = Argument("name", "path", "text")
_PAGE = Argument("limit", "query", "number", PAGE_MAX, PAGE_MAX)

ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/v1/status", "status", Role.AUDITOR, "mgmtd", "The gateway, its processes and counters"),
    Route(
        "GET",
        "/v1/sessions",
        "sessions",
        Role.AUDITOR,
        "mgmtd",
        "Sessions in the order of their numbers, a page at a time",
        (Argument("after", "query", "number", 0), _PAGE),
    ),
    Route(
        "DELETE",
        "/v1/sessions/{session}",
        "end_session",
        Role.OPERATOR,
        "sessiond",
        "Ends one session",
        (_SESSION, Argument("text", "query", "text", "")),
    ),
    Route(
        "POST",
        "/v1/disconnect",
        "disconnect",
        Role.OPERATOR,
        "sessiond",
        "Ends all sessions of a user",
        (Argument("user", "body", "text"), Argument("text", "body", "text", "")),
    ),
    Route(
        "GET",
        "/v1/users",
        "users",
        Role.AUDITOR,
        "mgmtd",
        "Local users in the order of their names, a page at a time",
        (Argument("after", "query", "text", ""), _PAGE),
    ),
    Route(
        "POST",
        "/v1/users",
        "add_user",
        Role.ADMIN,
        "sessiond",
        "Adds a local user",
        (
            Argument("name", "body", "text"),
            Argument("password", "body", "secret"),
            Argument("groups", "body", "list", ()),
        ),
    ),
    Route("DELETE", "/v1/users/{name}", "remove_user", Role.ADMIN, "sessiond", "Removes a local user", (_NAME,)),
    Route(
        "PUT",
        "/v1/users/{name}/password",
        "set_password",
        Role.ADMIN,
        "sessiond",
        "Gives a local user a new password",
        (_NAME, Argument("password", "body", "secret")),
    ),
    Route(
        "POST",
        "/v1/users/{name}/unlock",
        "unlock_user",
        Role.OPERATOR,
        "sessiond",
        "Ends the lock of a local user",
        (_NAME,),
    ),
    Route(
        "GET",
        "/v1/events",
        "events",
        Role.AUDITOR,
        "mgmtd",
        "Records above a sequence number; waits for one if asked to",
        (
            Argument("after", "query", "number", 0),
            _PAGE,
            Argument("wait", "query", "number", 0, EVENTS_WAIT_MAX),
        ),
    ),
    Route(
        "POST",
        "/v1/evidence/sign",
        "sign_evidence",
        Role.AUDITOR,
        "sessiond",
        "Signs the digest of an evidence bundle with the gateway's evidence key",
        (Argument("digest", "body", "text"), Argument("subject", "body", "text")),
    ),
    Route("POST", "/v1/reload", "reload", Role.ADMIN, "mgmtd", "Reads the site file again"),
    Route("POST", "/v1/replace", "replace", Role.ADMIN, "mgmtd", "Has the processes run the version installed now"),
    Route("POST", "/v1/state/copy", "copy_state", Role.ADMIN, "sessiond", "Copies the state file for a backup"),
    Route(
        "POST",
        "/v1/shutdown",
        "shutdown",
        Role.ADMIN,
        "mgmtd",
        "Stops the gateway",
        (Argument("keep_sessions", "body", "flag", False),),
    ),
)


def find(request: Request) -> tuple[Route, dict[str, str]]:
    """The route and the values in its path. Raises BadRequestError 404 or 405."""
    parts = request.path.split("/")
    others: list[str] = []
    for route in ROUTES:
        found = _match(route.path.split("/"), parts)
        if found is None:
            continue
        if route.method == request.method:
            return route, found
        others.append(route.method)
    if others:
        raise BadRequestError(405, "method", f"allowed for this path: {', '.join(others)}")
    raise BadRequestError(404, "path", "no such path; docs/reference/api.yml lists them")


def arguments(route: Route, request: Request, in_path: Mapping[str, str]) -> dict[str, Any]:
    """Every argument of the route, checked; nothing that the route does not name. Raises BadRequestError 400."""
    given: dict[str, dict[str, Any]] = {"path": dict(in_path), "query": _query(request), "body": _body(request)}
    result: dict[str, Any] = {}
    for argument in route.arguments:
        value = given[argument.place].pop(argument.name, None)
        if value is None:
            if argument.default is None:
                raise _bad(f"{argument.name} is missing in the {argument.place}")
            result[argument.name] = argument.default
        else:
            result[argument.name] = _value(argument, value)
    for place, left in given.items():
        for name in left:
            known = [argument.name for argument in route.arguments if argument.place == place]
            raise _bad(f"unknown name {name[:40]!r} in the {place}; allowed: {', '.join(known) or 'nothing'}")
    return result


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(parts):
        return None
    found: dict[str, str] = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            try:
                found[wanted[1:-1]] = unquote(part, errors="strict")
            except UnicodeDecodeError:
                raise _bad("the path is not UTF-8") from None
        elif wanted != part:
            return None
    return found


def _query(request: Request) -> dict[str, Any]:
    text = request.target.partition("?")[2]
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=16)
    except ValueError:
        raise _bad("the query is not name=value&name=value") from None
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _bad("a name stands twice in the query")
    return result


def _body(request: Request) -> dict[str, Any]:
    if not request.body:
        return {}
    try:
        value = codec.load(request.body, BODY_MAX)
    except PeerError:
        raise _bad("the body is not JSON") from None
    if not isinstance(value, dict):
        raise _bad("the body is not a JSON object")
    return value


def _value(argument: Argument, value: Any) -> Any:
    name = argument.name
    if argument.kind == "number":
        if isinstance(value, str) and _NUMBER.match(value):
            value = int(value)
        if type(value) is not int or not 0 <= value <= argument.highest:
            raise _bad(f"{name} must be a number from 0 to {argument.highest}")
        return value
    if argument.kind == "flag":
        if not isinstance(value, bool):
            raise _bad(f"{name} must be true or false")
        return value
    if argument.kind == "list":
        if not isinstance(value, list) or len(value) > PAGE_MAX:
            raise _bad(f"{name} must be a list of text, at most {PAGE_MAX} entries")
        return tuple(_text(name, item, empty=False) for item in value)
    if argument.kind == "secret":
        if not isinstance(value, str) or not value or len(value) > SECRET_MAX:
            raise _bad(f"{name} must be text of 1 to {SECRET_MAX} characters")
        return Secret(_unicode(name, value))
    return _text(name, value, empty=argument.default == "")


def _text(name: str, value: Any, *, empty: bool) -> str:
    if not isinstance(value, str) or len(value) > TEXT_MAX or _CONTROL.search(value) or not (value or empty):
        raise _bad(f"{name} must be text of 1 to {TEXT_MAX} characters, without control characters")
    _unicode(name, value)
    return value


def _unicode(name: str, value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise _bad(f"{name} must be Unicode text") from None


def _bad(detail: str) -> BadRequestError:
    return BadRequestError(400, "argument", detail)
