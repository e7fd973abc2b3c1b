# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is offered DTLS."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.policy.profiles import profile
from tests.unit.procs.worker.fakes import PEER, SUITES, configuration, site
from wolfguard.config.site import Configuration, Listener
from wolfguard.engine import Datagram
from wolfguard.procs.worker.offers import Offers


def offers(start: Configuration, slot: int = 5) -> Offers:
    return Offers(start, slot, lambda count: b"\xaa" * count)


def test_an_offer_names_the_slot_first() -> None:
    got = offers(configuration()).datagram(site(), PEER, wanted=True)
    assert got == Datagram(b"\x05" + b"\xaa" * 31, SUITES, require_extended_master_secret=True)


def test_the_profile_decides_about_the_extended_master_secret() -> None:
    lax = replace(site(), crypto=profile(suites_dtls12=SUITES[1:], require_extended_master_secret_dtls=False))
    got = offers(configuration()).datagram(lax, PEER, wanted=True)
    assert got is not None
    assert (got.suites, got.require_extended_master_secret) == (SUITES[1:], False)


@pytest.mark.parametrize(
    "start",
    [
        replace(configuration(), steer="flow"),
        replace(configuration(), listeners=(Listener(udp=False),)),
        replace(configuration(), listeners=(Listener("198.51.100.2"),)),
        replace(configuration(), listeners=(Listener(port=444),)),
    ],
)
def test_no_offer_without_a_socket_that_hears_it(start: Configuration) -> None:
    assert offers(start).datagram(site(), PEER, wanted=True) is None


def test_no_offer_to_who_does_not_want_it_or_may_not_have_it() -> None:
    assert offers(configuration()).datagram(site(), PEER, wanted=False) is None
    assert offers(configuration()).datagram(replace(site(), crypto=profile()), PEER, wanted=True) is None
