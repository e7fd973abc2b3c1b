# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounting and orders of RADIUS backends: which servers, and what must go together."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.config.site_files import MINIMAL, configuration
from wolfguard.config import checks
from wolfguard.config.document import show_key
from wolfguard.config.site import Radius, RadiusServer, accounting_servers

TLS: dict[str, Any] = {
    "servers": [{"address": "192.0.2.10", "name": "radius.example.org"}],
    "authorities": "/ca.pem",
    "certificate": "/gateway.pem",
    "key": "/gateway.key",
}
UDP: dict[str, Any] = {
    "transport": "udp",
    "crypto_profile": "compat",
    "servers": [{"address": "192.0.2.10", "port": 18120, "secret": "/secret"}],
}


def text(radius: dict[str, Any], **more: Any) -> str:
    backend = {"name": "corp", "type": "radius", "radius": {**radius, **more}}
    return MINIMAL + yaml.safe_dump({"backends": [backend]})


def made(radius: dict[str, Any], **more: Any) -> Radius:
    (backend,) = configuration(text(radius, **more)).backends
    assert backend.radius is not None
    return backend.radius


def problems(radius: dict[str, Any], **more: Any) -> dict[str, str]:
    found = checks.problems(configuration(text(radius, **more)))
    return {show_key(problem.key).removeprefix("backends[0].radius"): problem.text for problem in found}


def test_without_accounting_nobody_is_told() -> None:
    assert accounting_servers(made(TLS)) == ()


@pytest.mark.parametrize(
    ("radius", "accounting", "servers"),
    [
        (TLS, {}, (RadiusServer("192.0.2.10", name="radius.example.org"),)),
        (UDP, {}, (RadiusServer("192.0.2.10", 1813, secret="/secret"),)),
        (TLS, {"servers": [{"address": "192.0.2.9", "name": "a.b"}]}, (RadiusServer("192.0.2.9", name="a.b"),)),
        (UDP, {"servers": [{"address": "192.0.2.9", "secret": "/s"}]}, (RadiusServer("192.0.2.9", 1813, secret="/s"),)),
        (
            UDP,
            {"servers": [{"address": "192.0.2.9", "port": 99, "secret": "/s"}]},
            (RadiusServer("192.0.2.9", 99, secret="/s"),),
        ),
    ],
)
def test_who_is_told(radius: dict[str, Any], accounting: dict[str, Any], servers: tuple[RadiusServer, ...]) -> None:
    assert accounting_servers(made(radius, accounting=accounting)) == servers
    assert problems(radius, accounting=accounting) == {}


def test_servers_for_accounting_follow_the_rules_of_the_transport() -> None:
    found = problems(TLS, accounting={"servers": [{"address": "192.0.2.9", "secret": "/s"}]})
    assert found == {".accounting.servers[0]": "needs name, and no secret, with transport tls"}


@pytest.mark.parametrize(
    ("radius", "more", "key"),
    [
        (TLS, {"dynamic_authorization": {}}, ".dynamic_authorization"),
        (TLS, {"accounting": {}, "dynamic_authorization": {"listen": "192.0.2.1"}}, ".dynamic_authorization.listen"),
        (UDP, {"accounting": {}, "dynamic_authorization": {}}, ".dynamic_authorization"),
    ],
)
def test_orders_that_could_not_be_given(radius: dict[str, Any], more: dict[str, Any], key: str) -> None:
    assert list(problems(radius, **more)) == [key]


def test_orders_that_can() -> None:
    assert problems(TLS, accounting={}, dynamic_authorization={}) == {}
    assert problems(UDP, accounting={}, dynamic_authorization={"listen": "192.0.2.1"}) == {}


def test_an_interval_that_servers_do_not_like_is_warned_of() -> None:
    def warned(interval: int) -> bool:
        found = checks.warnings(configuration(text(TLS, accounting={"interval": interval})))
        return any(warning.key[-1] == "interval" for warning in found)

    assert [warned(interval) for interval in (0, 59, 60)] == [False, True, False]
