# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of an installation: what it sets up, restart, reload, repair, failure, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import packets
from tests.system.netd_ground import (
    CLIENT4,
    CLIENT6,
    ELSEWHERE4,
    UPSTREAM4,
    Ground,
    configuration,
    run,
    snapshot,
    sysctl,
)
from wolfguard.config.site import Configuration, Firewall, Network
from wolfguard.errors import ConfigurationError, StartError
from wolfguard.linux import conntrack, tun
from wolfguard.linux.netlink_socket import NETFILTER, NetlinkSocket
from wolfguard.linux.routes import Lease
from wolfguard.procs.netd.flows import FlowSweeper
from wolfguard.procs.netd.installation import Installation, OutsidePoolsError
from wolfguard.procs.netd.plan import make_plan

TREE = Path(__file__).resolve().parents[2]
TUN_GET_VNET_HEADER = 0x800454D7  # TUNGETVNETHDRSZ


@pytest.fixture
def ground() -> Iterator[Ground]:
    with Ground() as made:
        yield made


def lease(address: str, slot: int = 0, epoch: int = 1) -> Lease:
    return Lease(ipaddress.ip_network(address), slot, 1400, epoch)


def with_pools(ipv4: str, ipv6: str, mtu: int = 1400) -> Configuration:
    return configuration(network=Network(ipv4_pool=ipv4, ipv6_pool=ipv6, mtu=mtu))


def test_devices_are_as_the_workers_need_them(ground: Ground) -> None:
    installation = ground.install(with_pools("10.99.0.0/16", "fd99::/64", mtu=1390))
    for device, descriptor in zip(installation.devices, ground.tuns, strict=True):
        assert fcntl.ioctl(descriptor, TUN_GET_VNET_HEADER, bytes(4)) == (12).to_bytes(4, sys.byteorder)
        assert fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_NONBLOCK
        assert {"csum", "tso4", "tso6"} <= set(device.offloads)
        (link,) = json.loads(run("ip", "-j", "-d", "address", "show", "dev", device.name))
        assert (link["mtu"], link["txqlen"]) == (1390, 1000)
        assert "UP" in link["flags"]
        assert (
            link["linkinfo"]["info_data"] | {"type": "tun", "pi": False, "vnet_hdr": True}
            == (link["linkinfo"]["info_data"])
        )
        addresses = {(each["local"], each["prefixlen"]) for each in link["addr_info"]}
        assert addresses == {("10.99.0.1", 32), ("fd99::1", 128)}
        base = f"conf/{device.name}"
        assert sysctl(f"ipv4/{base}/rp_filter") == 2
        assert sysctl(f"ipv4/{base}/send_redirects") == 0
        assert sysctl(f"ipv6/{base}/accept_ra") == 0
    assert sysctl("ipv4/ip_forward") == sysctl("ipv6/conf/all/forwarding") == 1


def test_without_an_ipv6_pool_devices_have_no_ipv6(ground: Ground) -> None:
    before = sysctl("ipv6/conf/all/forwarding")
    installation = ground.install(with_pools("10.99.0.0/16", ""))
    for device in installation.devices:
        assert sysctl(f"ipv6/conf/{device.name}/disable_ipv6") == 1
    assert sysctl("ipv6/conf/all/forwarding") == before == 0


def test_everything_is_removed_at_the_end(ground: Ground) -> None:
    before = snapshot()
    installation = ground.install()
    installation.set_leases([lease(CLIENT4), lease(CLIENT6)])
    assert snapshot() != before
    installation.remove()
    assert snapshot() == before


def test_removing_goes_on_past_what_others_removed(ground: Ground) -> None:
    before = snapshot()
    installation = ground.install()
    run("ip", "link", "delete", "vpn0")
    run("nft", "delete", "table", "inet", "wolfguard_gateway")
    run("ip", "route", "delete", "unreachable", "10.99.0.0/16")
    installation.remove()
    assert snapshot() == before


def test_forwarding_that_was_on_stays_on(ground: Ground) -> None:
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    installation = ground.install()
    assert installation.parameters.forwarding() == {"ipv4": "on", "ipv6": "on (by the gateway)"}
    installation.remove()
    assert (sysctl("ipv4/ip_forward"), sysctl("ipv6/conf/all/forwarding")) == (1, 0)


def test_forwarding_does_not_cost_the_machine_its_advertised_default_route(ground: Ground) -> None:
    run("ip", "-6", "route", "delete", "default")
    Path("/proc/sys/net/ipv6/conf/outside/accept_ra").write_text("1")
    run("ip", "-6", "route", "add", "default", "via", "2001:db8:1::2", "proto", "ra")
    installation = ground.install()
    assert sysctl("ipv6/conf/outside/accept_ra") == 2
    assert sysctl("ipv6/conf/core/accept_ra") == 1
    installation.remove()
    assert sysctl("ipv6/conf/outside/accept_ra") == 1


# --- restart ------------------------------------------------------------------------------------------------------


def test_a_successor_takes_over_what_is_installed(ground: Ground) -> None:
    first = ground.install()
    first.set_leases([lease(CLIENT4, slot=1, epoch=7), lease(CLIENT6, slot=0, epoch=7)])
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"spoofed"))
    assert first.counters()["spoofed_by_client"].packets == 1
    before = snapshot()

    second = ground.install()
    assert [device.adopted for device in second.devices] == [True, True]
    assert second.leases.page(None, 10)[0] == [lease(CLIENT4, slot=1, epoch=0), lease(CLIENT6, slot=0, epoch=0)]
    assert second.counters()["spoofed_by_client"].packets == 1, "counters go on"
    assert snapshot()[:4] == before[:4]

    ground.from_upstream(packets.udp(UPSTREAM4, CLIENT4, b"still there"))
    assert ground.at_client(1).text == b"still there"
    second.set_leases([lease(CLIENT4, slot=0, epoch=1)])
    ground.from_upstream(packets.udp(UPSTREAM4, CLIENT4, b"moved"))
    assert ground.at_client(0).text == b"moved"
    second.remove()


def test_after_a_drained_end_pools_stay_unreachable_for_the_next_start(ground: Ground) -> None:
    """The whole gateway restarts: new descriptors, new devices, the old pools' routes and rules still there."""
    ground.install().set_leases([lease(CLIENT4)])
    ground.close_tuns()
    second = ground.install()
    assert [device.adopted for device in second.devices] == [False, False]
    assert len(second.leases) == 0
    assert second.unreachable_pools() == set(second.pools)


def test_a_successor_with_other_pools_keeps_the_old_until_their_leases_end(ground: Ground) -> None:
    ground.install().set_leases([lease(CLIENT4)])
    second = ground.install(with_pools("10.50.0.0/16", "fd99::/64"))
    old = ipaddress.ip_network("10.99.0.0/16")
    assert old in second.unreachable_pools()
    (link,) = json.loads(run("ip", "-j", "-4", "address", "show", "dev", "vpn0"))
    assert [each["local"] for each in link["addr_info"]] == ["10.50.0.1"]
    ground.now += 1000
    assert second.end_retired_pools() == []
    second.drop_leases([lease(CLIENT4)])
    assert second.end_retired_pools() == [old]
    assert old not in second.unreachable_pools()


# --- reload and repair --------------------------------------------------------------------------------------------


def test_reload_changes_pools_addresses_mtu_and_rules(ground: Ground) -> None:
    installation = ground.install(with_pools("10.99.0.0/16", ""))
    installation.set_leases([lease(CLIENT4)])
    changed = configuration(Firewall(), Network(ipv4_pool="10.50.0.0/16", ipv6_pool="fd50::/64", mtu=1380))
    installation.change(make_plan(changed, 2))
    assert installation.unreachable_pools() == {
        ipaddress.ip_network(pool) for pool in ("10.99.0.0/16", "10.50.0.0/16", "fd50::/64")
    }
    (link,) = json.loads(run("ip", "-j", "address", "show", "dev", "vpn1"))
    assert link["mtu"] == 1380
    assert {each["local"] for each in link["addr_info"]} == {"10.50.0.1", "fd50::1"}
    assert sysctl("ipv6/conf/all/forwarding") == 1

    installation.set_leases([lease("10.50.0.9"), lease("fd50::9")])
    assert len(installation.leases) == 3


def test_a_removed_pool_waits_for_sessions_that_may_come_back(ground: Ground) -> None:
    old = ipaddress.ip_network("10.99.0.0/16")
    installation = ground.install(with_pools("10.99.0.0/16", ""))
    installation.change(make_plan(with_pools("10.50.0.0/16", ""), 2))
    ground.now += 300
    installation.set_leases([lease(CLIENT4)])
    installation.drop_leases([lease(CLIENT4)])
    assert installation.end_retired_pools() == []
    assert old in installation.unreachable_pools()
    ground.now += 60
    assert installation.end_retired_pools() == [old]
    assert installation.unreachable_pools() == {ipaddress.ip_network("10.50.0.0/16")}
    assert "10.99" not in run("nft", "list", "ruleset")
    with pytest.raises(OutsidePoolsError, match=r"pools are 10\.50\.0\.0/16"):
        installation.set_leases([lease(CLIENT4)])


def test_a_pool_that_comes_back_stays(ground: Ground) -> None:
    installation = ground.install(with_pools("10.99.0.0/16", ""))
    installation.change(make_plan(with_pools("10.50.0.0/16", ""), 2))
    installation.change(make_plan(with_pools("10.99.0.0/16", ""), 2))
    ground.now += 1000
    assert installation.end_retired_pools() == [ipaddress.ip_network("10.50.0.0/16")]
    assert installation.unreachable_pools() == {ipaddress.ip_network("10.99.0.0/16")}


def test_what_others_flush_is_put_back(ground: Ground) -> None:
    installation = ground.install()
    assert installation.repair() == []
    run("nft", "flush", "ruleset")
    run("ip", "route", "delete", "unreachable", "10.99.0.0/16")
    assert installation.repair() == ["unreachable route of 10.99.0.0/16", "nftables table wolfguard_gateway"]
    assert installation.repair() == []
    installation.set_leases([lease(CLIENT4)])
    ground.from_client(1, packets.udp(CLIENT4, UPSTREAM4, b"spoofed"))
    assert installation.counters()["spoofed_by_client"].packets == 1


# --- failure ------------------------------------------------------------------------------------------------------


def test_a_strangers_device_is_left_alone_and_nothing_half_started_stays(ground: Ground) -> None:
    run("ip", "tuntap", "add", "vpn1", "mode", "tun")
    before = snapshot()
    with pytest.raises(StartError, match="vpn1 exists that is not the gateway's"):
        ground.install()
    assert snapshot() == before


@pytest.mark.parametrize(("ipv4", "ipv6"), [("198.51.100.0/24", ""), ("10.99.0.0/16", "2001:db8:1::/64")])
def test_a_pool_with_the_machine_in_it_is_refused(ground: Ground, ipv4: str, ipv6: str) -> None:
    before = snapshot()
    with pytest.raises(ConfigurationError, match=r"has this machine's own address .* in it"):
        ground.install(with_pools(ipv4, ipv6))
    assert snapshot() == before
    installation = ground.install()
    between = snapshot()
    with pytest.raises(ConfigurationError, match=r"has this machine's own address .* in it"):
        installation.change(make_plan(with_pools(ipv4, ipv6), 2))
    assert snapshot() == between


@pytest.mark.parametrize("name", ["", "a-name-of-16-byte", "vpn\u00fc0"])
def test_impossible_device_names(ground: Ground, name: str) -> None:
    (descriptor,) = ground.open_tuns(1)
    with pytest.raises(StartError, match="no name for a network device"):
        tun.open_device(descriptor, name)


def test_a_descriptor_of_another_device_is_refused(ground: Ground) -> None:
    (descriptor,) = ground.open_tuns(1)
    tun.open_device(descriptor, "vpn5")
    with pytest.raises(StartError, match="belongs to vpn5"):
        tun.open_device(descriptor, "vpn0")


def test_a_descriptor_that_is_no_tun_is_refused(ground: Ground) -> None:
    with open("/dev/null", "rb") as nothing, pytest.raises(StartError, match="cannot make the TUN device vpn0"):
        tun.open_device(nothing.fileno(), "vpn0")


def test_number_of_descriptors_and_workers_must_agree(ground: Ground) -> None:
    installation = Installation(make_plan(configuration(), 3), lambda: 0.0)
    with pytest.raises(StartError, match="2 TUN descriptors for 3 workers"):
        installation.install(ground.open_tuns(2))
    installation.close()


# --- rights -------------------------------------------------------------------------------------------------------

AS_NOBODY = """
import sys
from tests.system.netd_ground import configuration
from wolfguard.procs.netd.flows import FlowSweeper
from wolfguard.procs.netd.installation import Installation
from wolfguard.procs.netd.plan import make_plan
FlowSweeper()
installation = Installation(make_plan(configuration(), 1), lambda: 0.0)
installation.install([int(sys.argv[1])])
installation.repair()
print(*sorted(installation.counters()))
installation.remove()
"""


def test_cap_net_admin_is_all_it_needs(ground: Ground) -> None:
    before = snapshot()
    (descriptor,) = ground.open_tuns(1)
    nobody = pwd.getpwnam("nobody")
    rights = [
        "setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--no-new-privs",
        "--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin", "--bounding-set=-all,+net_admin",
    ]  # fmt: skip
    command = [*rights, sys.executable, "-c", AS_NOBODY, str(descriptor)]
    with tempfile.TemporaryDirectory() as folder:
        # the checkout may lie where nobody else can look
        Path(folder).chmod(0o755)
        shutil.copytree(TREE / "tests" / "system", Path(folder, "tests", "system"))
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            pass_fds=[descriptor],
            env={"PYTHONPATH": folder, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=folder,
        )
    assert done.returncode == 0, done.stderr
    assert "spoofed_by_client" in done.stdout
    assert snapshot() == before


# --- flows --------------------------------------------------------------------------------------------------------


def flows_of(address: str) -> int:
    packed = {ipaddress.ip_address(address).packed}
    with NetlinkSocket(NETFILTER) as netlink:
        messages = netlink.dump("flows", conntrack.list_flows())
    return sum(conntrack.delete_matching(message, packed) is not None for message in messages)


def test_flows_of_a_freed_address_are_forgotten(ground: Ground) -> None:
    installation = ground.install()
    installation.set_leases([lease(CLIENT4), lease(CLIENT6), lease("10.99.4.0/24", slot=1)])
    wire = ground.capture("eth0")
    for number in range(5):
        ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"x", (9000 + number, 53)))
    ground.from_client(0, packets.udp(CLIENT6, "2001:db8:2::2", b"x", (9000, 53)))
    ground.from_client(1, packets.udp("10.99.4.9", UPSTREAM4, b"x", (9000, 53)))
    ground.from_upstream(packets.udp(UPSTREAM4, ELSEWHERE4, b"x", (9000, 53)))
    wire.until(lambda packet: packet.source == "10.99.4.9")
    assert [flows_of(each) for each in (CLIENT4, CLIENT6, "10.99.4.9", ELSEWHERE4)] == [5, 1, 1, 1]

    sweeper = FlowSweeper()
    sweeper.forget([ipaddress.ip_network(CLIENT4), ipaddress.ip_network("10.99.4.0/24")])
    assert asyncio.run(sweeper.sweep()) == 6
    sweeper.close()
    assert [flows_of(each) for each in (CLIENT4, CLIENT6, "10.99.4.9", ELSEWHERE4)] == [0, 1, 0, 1]
