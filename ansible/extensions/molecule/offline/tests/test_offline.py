# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine without a network was installed from, as the machine itself shows it."""

from __future__ import annotations

import json

from testinfra.host import Host

BUNDLE = "/var/cache/wolfguard-gateway/bundle"


def test_there_still_is_no_network(host: Host) -> None:
    links = json.loads(host.check_output("ip -json link show"))
    assert [link["ifname"] for link in links if link.get("link_type") == "ether"] == []
    assert host.check_output("ip route show table main default") == ""


def test_the_library_is_built_from_the_bundles_source(host: Host) -> None:
    manifest = json.loads(host.file("/opt/wolfguard-gateway/current/wolfssl/lib/wolfssl-manifest.json").content_string)
    listed = json.loads(host.file(f"{BUNDLE}/manifest.json").content_string)["files"]
    hashes = {facts["sha256"] for name, facts in listed.items() if name.startswith("source/")}
    assert manifest["source"]["sha256"] in hashes


def test_python_packages_are_those_of_the_lock(host: Host) -> None:
    lock = host.check_output("cat %s/wheels/requirements.txt", BUNDLE).splitlines()
    locked = dict(line.split(" ")[0].split("==") for line in lock)
    found = json.loads(host.check_output("/opt/wolfguard-gateway/current/bin/pip list --format=json"))
    installed = {each["name"].lower().replace("_", "-"): each["version"] for each in found}
    assert len(locked) > 8
    for name, version in locked.items():
        assert installed[name.lower().replace("_", "-")] == version


def test_the_machines_own_sources_are_as_they_were(host: Host) -> None:
    assert host.check_output("cat /etc/apt/sources.list") == "deb http://deb.debian.org/debian stable main"
    assert host.check_output("grep -rl wolfguard /etc/apt || true") == ""


def test_the_archive_is_not_kept_twice(host: Host) -> None:
    assert not host.file(f"{BUNDLE}.tar").exists
    assert host.file(f"{BUNDLE}/sbom.cdx.json").exists
