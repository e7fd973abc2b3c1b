# SPDX-License-Identifier: GPL-3.0-or-later
"""What keys mean to each other."""

from __future__ import annotations

import pytest

from tests.unit.config.site_files import MINIMAL, configuration, with_network
from wolfguard.config import checks
from wolfguard.config.document import show_key

SECOND_SITE = """\
  - name: second
    server_names: [b.example]
    certificates: [{certificate: /b.pem, key: /b.key}]
"""


def problems(text: str) -> dict[str, str]:
    return {show_key(problem.key): problem.text for problem in checks.problems(configuration(text))}


def warnings(text: str) -> dict[str, str]:
    return {show_key(warning.key): warning.text for warning in checks.warnings(configuration(text))}


def test_the_smallest_file_has_no_problems_and_no_warnings() -> None:
    assert problems(MINIMAL) == {}
    assert warnings(MINIMAL) == {}


@pytest.mark.parametrize(
    ("lines", "key", "words"),
    [
        (('ipv4_pool: ""',), "ipv4_pool", "clients need one of them"),
        (('ipv6_pool: "2001:db8::/64"', "mtu: 1279"), "mtu", "1280 or more"),
        (("dns: [10.0.0.1, 10.0.0.1]",), "dns[1]", "second time"),
        (("split_include: [10.0.0.0/8, 10.0.0.0/8]",), "split_include[1]", "second time"),
        (("split_include: [10.0.0.0/8]", "split_exclude: [10.0.0.0/8]"), "split_exclude[0]", "split_include has"),
        (("split_dns: [example.org]",), "split_dns", "set dns"),
        (("dns: [10.0.0.1]", "split_dns: [example.org, Example.org]"), "split_dns[1]", "second time"),
    ],
)
def test_a_network(lines: tuple[str, ...], key: str, words: str) -> None:
    found = problems(with_network(*lines))
    assert list(found) == [f"sites[0].network.{key}"]
    assert words in found[f"sites[0].network.{key}"]


def test_listeners_that_are_the_same() -> None:
    text = MINIMAL.replace("  - port: 443\n", '  - {address: "::0", port: 443}\n  - {address: "::"}\n')
    assert problems(text) == {"listeners[1]": "same address and port as listeners[0]; remove one"}


def test_both_families_on_one_port_are_good() -> None:
    text = MINIMAL.replace("  - port: 443\n", '  - {address: "0.0.0.0"}\n  - {address: "::"}\n')
    assert problems(text) == {}


def test_a_listener_inside_a_pool() -> None:
    text = MINIMAL.replace("  - port: 443\n", "  - {address: 10.99.0.1}\n")
    assert "inside the pool" in problems(text)["listeners[0].address"]


def test_names_of_sites() -> None:
    text = MINIMAL + SECOND_SITE.replace("second", "main")
    assert problems(text) == {
        "sites[1].name": "is 'main', as sites[0].name is; give each site a name of its own",
    }


def test_server_names_are_unique_without_regard_to_case() -> None:
    text = MINIMAL.replace("name: main", "name: main\n    server_names: [B.example]") + SECOND_SITE
    assert "as sites[0].server_names[0] is" in problems(text)["sites[1].server_names[0]"]


def test_a_later_site_needs_server_names() -> None:
    text = MINIMAL + SECOND_SITE.replace("    server_names: [b.example]\n", "")
    assert "no client ever gets" in problems(text)["sites[1].server_names"]


def test_pools_of_two_sites_may_be_the_same_but_not_overlap() -> None:
    assert problems(MINIMAL + SECOND_SITE) == {}
    text = MINIMAL + SECOND_SITE + "    network: {ipv4_pool: 10.99.1.0/24}\n"
    assert "overlaps 10.99.0.0/16" in problems(text)["sites[1].network.ipv4_pool"]


def test_groups() -> None:
    text = MINIMAL + (
        "    groups:\n"
        "      - {name: staff, network: {mtu: 1300}}\n"
        "      - {name: staff}\n"
        "      - {name: guests, network: {ipv4_pool: 10.99.5.0/24}}\n"
    )
    found = problems(text)
    assert set(found) == {"sites[0].groups[1].name", "sites[0].groups[2].network.ipv4_pool"}


def test_a_run_path_that_is_too_long_for_a_socket() -> None:
    assert "too long" in problems(f"{MINIMAL}paths: {{run: /{'x' * 100}}}\n")["paths.run"]


def test_warnings() -> None:
    text = with_network("ipv4_pool: 10.99.0.0/24", "split_include: [10.0.0.0/8, 2001:db8::/32]", "dns: [9.9.9.9]")
    text = text.replace("name: main", "name: main\n    crypto_profile: compat")
    found = warnings(text + "firewall: {forward_to: []}\n")
    assert set(found) == {
        "sites[0].network.ipv4_pool",
        "sites[0].network.split_include[1]",
        "sites[0].network.dns[0]",
        "sites[0].crypto_profile",
        "firewall.forward_to",
    }
    assert "room for 253 clients" in found["sites[0].network.ipv4_pool"]


ACCESS = "firewall:\n  access_lists:\n    - {name: few, allow: [10.1.0.0/16, 10.0.0.53/32 udp 53]}\n"


def test_access_lists_that_are_not_there() -> None:
    text = MINIMAL + "    access: any\n    groups: [{name: a, access: few}, {name: b, access: many}]\n"
    assert problems(text + ACCESS) == {
        "sites[0].access": "is 'any'; allowed: few",
        "sites[0].groups[1].access": "is 'many'; allowed: few",
    }
    assert problems(text)["sites[0].access"] == "is 'any'; there is none in firewall.access_lists"


def test_access_lists_of_one_name() -> None:
    text = MINIMAL + ACCESS + "    - {name: few}\n"
    assert list(problems(text)) == ["firewall.access_lists[1].name"]


def test_an_access_list_that_hides_the_name_server() -> None:
    text = MINIMAL + (
        "    network: {dns: [10.0.0.53]}\n    groups:\n      - {name: a, access: few}\n"
        "      - {name: b, access: few, network: {dns: [10.0.0.54, 10.1.0.53]}}\n"
    )
    found = warnings(text + ACCESS)
    assert list(found) == ["sites[0].groups[1].access"]
    assert "10.0.0.54" in found["sites[0].groups[1].access"]
