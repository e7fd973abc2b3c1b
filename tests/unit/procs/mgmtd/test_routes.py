# SPDX-License-Identifier: GPL-3.0-or-later
"""The route table, its acts, and the description for other programs are one."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wolfguard.procs.mgmtd.acts import Acts
from wolfguard.procs.mgmtd.evidence import EvidenceKey
from wolfguard.procs.mgmtd.peers import Peers
from wolfguard.procs.mgmtd.routes import ROUTES, Argument, BadRequestError, Route, arguments, find
from wolfguard.protocol.http import Request

DESCRIPTION: dict[str, Any] = yaml.safe_load((Path(__file__).parents[4] / "docs" / "reference" / "api.yml").read_text())
TYPES = {"number": "integer", "text": "string", "secret": "string", "list": "array", "flag": "boolean"}


def test_every_route_has_an_act_and_every_act_a_route() -> None:
    assert {route.act for route in ROUTES} == set(Acts(Peers(), EvidenceKey("")).table)


def test_the_description_has_every_route_and_no_other() -> None:
    described = {(method.upper(), path) for path, methods in DESCRIPTION["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.act)
def test_the_description_of_a_route(route: Route) -> None:
    operation = DESCRIPTION["paths"][route.path][route.method.lower()]
    assert operation["operationId"] == route.act
    assert operation["x-role"] == route.role.name.lower()
    assert operation["summary"] == route.summary
    assert described_parameters(operation) == {
        (item.name, item.place, TYPES[item.kind], required(item)) for item in route.arguments if item.place != "body"
    }
    assert described_body(operation) == {
        (item.name, TYPES[item.kind], required(item)) for item in route.arguments if item.place == "body"
    }
    assert {"200", "403"} <= set(operation["responses"])


def required(argument: Argument) -> bool:
    return argument.default is None


def described_parameters(operation: dict[str, Any]) -> set[tuple[str, str, str, bool]]:
    return {
        (item["name"], item["in"], item["schema"]["type"], item.get("required", False))
        for item in operation.get("parameters", [])
    }


def described_body(operation: dict[str, Any]) -> set[tuple[str, str, bool]]:
    if "requestBody" not in operation:
        return set()
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return {(name, value["type"], name in schema.get("required", [])) for name, value in schema["properties"].items()}


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "BREW"]),
    st.text(alphabet="/v1usersion%0aF?=&.é", max_size=40) | st.sampled_from([route.path for route in ROUTES]),
    st.binary(max_size=60) | st.sampled_from([b"{}", b'{"name":"a","password":"b"}', b'{"user":[]}']),
)
def test_any_request_is_found_or_refused(method: str, target: str, body: bytes) -> None:
    request = Request(method, f"/{target}", (), body)
    with contextlib.suppress(BadRequestError):
        route, in_path = find(request)
        assert set(arguments(route, request, in_path)) == {argument.name for argument in route.arguments}
