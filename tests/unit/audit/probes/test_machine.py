# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of the machine's kernel, files and services against made-up machines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.audit.fake_place import FakePlace, see
from wolfguard.audit.place import FileFacts, Kind, Program, output

PROC: dict[str, str | bytes] = {
    "/proc/1/comm": "systemd\n",
    "/proc/77/comm": "chronyd\n",
    "/proc/78/comm": "pptpd\n",
    "/proc/version": "Linux",
}


def test_kernel_parameter_with_its_file() -> None:
    place = FakePlace(
        {
            "/proc/sys/net/ipv4/conf/all/rp_filter": "2\n",
            "/usr/lib/sysctl.d/50-default.conf": "net.ipv4.conf.all.rp_filter = 1\n",
            "/etc/sysctl.d/60-site.conf": "# why\n-net/ipv4/conf/all/rp_filter=2\n; net.ipv4.conf.all.rp_filter=0\n",
        }
    )
    found = see("kernel-parameter", place, {"name": "net.ipv4.conf.all.rp_filter"})
    assert found.seen == {"runtime": 2, "file": 2}
    assert "60-site.conf" in found.source


def test_a_file_of_etc_covers_the_one_of_the_same_name() -> None:
    place = FakePlace(
        {
            "/proc/sys/kernel/kptr_restrict": "1",
            "/usr/lib/sysctl.d/50-x.conf": "kernel.kptr_restrict=2\n",
            "/etc/sysctl.d/50-x.conf": "# nothing\n",
        }
    )
    assert see("kernel-parameter", place, {"name": "kernel.kptr_restrict"}).seen == {"runtime": 1}


def test_patterns_of_sysctl_d() -> None:
    place = FakePlace(
        {
            "/proc/sys/net/ipv4/conf/all/rp_filter": "2",
            "/etc/sysctl.d/a.conf": "net.ipv4.conf.*.rp_filter = 2\n",
        }
    )
    assert see("kernel-parameter", place, {"name": "net.ipv4.conf.all.rp_filter"}).part(("file",)) == 2


def test_a_parameter_that_this_kernel_has_not() -> None:
    found = see("kernel-parameter", FakePlace(), {"name": "kernel.yama.ptrace_scope"})
    assert (found.seen, found.problem) == (None, "")


def test_a_parameter_of_text() -> None:
    place = FakePlace({"/proc/sys/kernel/core_pattern": "|/bin/false\t%p\n"})
    assert see("kernel-parameter", place, {"name": "kernel.core_pattern"}).seen == {"runtime": "|/bin/false %p"}


def test_parameters_that_do_not_last() -> None:
    place = FakePlace(
        {
            "/proc/sys/kernel/a": "1",
            "/proc/sys/kernel/b": "2",
            "/proc/sys/kernel/c": "3",
            "/etc/sysctl.d/x.conf": "kernel.a=1\nkernel.b=1\n",
        }
    )
    names = ["kernel.a", "kernel.b", "kernel.c", "kernel.absent"]
    assert see("kernel-parameters-lasting", place, {"names": names}).seen == {"fleeting": ("kernel.b", "kernel.c")}


def test_command_line() -> None:
    place = FakePlace({"/proc/cmdline": "audit=0 quiet audit=1 mitigations=auto,nosmt -- mitigations=off\n"})
    found = see("kernel-command-line", place)
    assert found.part(("words",)) == ("audit=0", "quiet", "audit=1", "mitigations=auto,nosmt")
    assert found.part(("parameters", "audit")) == 1
    assert found.part(("parameters", "quiet")) == ""


def test_modules() -> None:
    place = FakePlace(
        {
            "/proc/modules": "sctp 1 0 - Live 0x0\n",
            "/lib/modules/6.12.0-test/modules.builtin": "kernel/net/tipc/tipc.ko\n",
            "/lib/modules/6.12.0-test/modules.dep": "net/dccp.ko.xz: \nnet/rds.ko:\nnet/can-raw.ko:\n",
            "/etc/modprobe.d/site.conf": "install dccp /bin/false\nblacklist rds\ninstall can-raw /usr/bin/true x\n",
            "/etc/modprobe.d/notes.txt": "install rds /bin/false\n",
        }
    )
    found = see("kernel-modules", place, {"names": ["dccp", "sctp", "tipc", "rds", "can_raw", "floppy"]})
    assert found.seen == {"loaded": ("sctp", "tipc"), "loadable": ("sctp", "tipc", "rds")}


def test_modules_of_which_the_kernels_lists_are_not_there() -> None:
    assert "modules.builtin" in see("kernel-modules", FakePlace({"/proc/modules": ""}), {"names": ["dccp"]}).problem


def test_weaknesses_of_the_processor() -> None:
    folder = "/sys/devices/system/cpu/vulnerabilities"
    place = FakePlace({f"{folder}/mds": "Vulnerable: no microcode\n", f"{folder}/l1tf": "Not affected\n"})
    assert see("processor-weaknesses", place).seen == {"vulnerable": ("mds",)}
    assert see("processor-weaknesses", FakePlace()).seen is None


def test_mounts() -> None:
    place = FakePlace(
        {
            "/proc/self/mountinfo": (
                "21 1 0:20 / / rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro\n"
                "22 21 0:21 / /tmp rw,nosuid shared:2 - tmpfs tmpfs rw,size=4k\n"
                "23 22 0:22 / /tmp rw,nosuid,nodev,noexec - tmpfs tmpfs rw\n"
            )
        }
    )
    found = see("mount", place, {"path": "/tmp"})
    assert found.seen == {"options": ("rw", "nosuid", "nodev", "noexec"), "type": "tmpfs"}
    assert see("mount", place, {"path": "/var"}).seen is None


def test_what_covers_the_kernels_files() -> None:
    place = FakePlace(
        {
            "/proc/self/mountinfo": (
                "1 0 0:5 / /proc rw - proc proc rw\n"
                "2 1 0:5 /sys /proc/sys ro - proc proc rw\n"
                "3 1 0:5 /version /proc/cmdline ro - proc proc rw\n"
                "4 1 0:9 /x /proc/sys/crypto/fips_enabled ro - tmpfs tmpfs rw\n"
                "5 0 0:6 / /sys ro - sysfs sysfs ro\n"
                "6 5 0:7 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
                "7 5 0:9 / /sys/firmware ro - tmpfs tmpfs ro\n"
            )
        }
    )
    assert see("covered-kernel-files", place).seen == {
        "points": ("/proc/cmdline", "/proc/sys/crypto/fips_enabled", "/sys/firmware")
    }


def test_swap() -> None:
    head = "Filename Type Size Used Priority\n"
    rows = "/dev/dm-0 partition 1 0 -2\n/dev/sda2 partition 1 0 -3\n/dev/zram0 partition 1 0 5\n/swapfile file 1 0 -4\n"
    place = FakePlace({"/proc/swaps": head + rows, "/sys/class/block/dm-0/dm/uuid": "CRYPT-PLAIN-swap\n"})
    assert see("swap", place).seen == {"plain": ("/dev/sda2", "/swapfile")}


def test_a_file_and_what_is_above_it() -> None:
    place = FakePlace(
        owners={
            "/": FileFacts(Kind.FOLDER, 0o755, "root", "root", 0),
            "/etc": FileFacts(Kind.FOLDER, 0o775, "root", "staff", 0),
            "/etc/shadow": FileFacts(Kind.FILE, 0o640, "root", "shadow", 9),
            "/etc/link": FileFacts(Kind.LINK, 0o777, "root", "root", 9, "/tmp/x"),
        }
    )
    assert see("file", place, {"path": "/etc/shadow"}).seen == {
        "type": "file", "mode": "0640", "owner": "root", "group": "shadow", "loose_parents": ("/etc",),
    }  # fmt: skip
    assert see("file", place, {"path": "/etc/link"}).part(("target",)) == "/tmp/x"
    assert see("file", place, {"path": "/etc/none"}).seen is None


def test_a_tree() -> None:
    key = "-----BEGIN EC PRIVATE KEY-----\nsecret\n"
    place = FakePlace(
        {"/etc/w/open.key": key, "/etc/w/closed.key": key, "/etc/w/d/site.yml": "a: 1\n"},
        owners={
            "/etc/w/closed.key": FileFacts(Kind.FILE, 0o600, "root", "root", 40),
            "/etc/w/d": FileFacts(Kind.FOLDER, 0o777, "root", "root", 0),
            "/etc/w/sticky": FileFacts(Kind.FOLDER, 0o1777, "root", "root", 0),
            "/etc/w/theirs": FileFacts(Kind.FILE, 0o600, "alice", "alice", 0),
            "/etc/w/link": FileFacts(Kind.LINK, 0o777, "root", "root", 0, "/etc/w/d"),
        },
    )
    found = see("tree", place, {"path": "/etc/w"})
    assert found.part(("keys_readable",)) == ("/etc/w/open.key",)
    assert found.part(("writable",)) == ("/etc/w/d", "/etc/w/theirs")
    assert found.part(("foreign",)) == ("/etc/w/theirs",)
    assert "secret" not in str(found)
    assert see("tree", place, {"path": "/nowhere"}).seen is None


def unit(text: str, code: int = 0, errors: str = "") -> FakePlace:
    return FakePlace(programs={Program.UNIT: output(text.encode(), code, errors.encode())})


def test_a_unit() -> None:
    text = (
        "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNRestarts=2\nLimitCORE=0\n"
        "DropInPaths=/etc/a.conf /run/b.conf\n"
    )
    found = see("service", unit(text), {"unit": "x.service"})
    assert found.part(("active",)) == "active"
    assert found.part(("drop_ins",)) == ("/etc/a.conf", "/run/b.conf")
    assert found.part(("properties", "LimitCORE")) == "0"
    assert found.part(("restarts",)) == 2
    masked = see(
        "service", unit("LoadState=masked\nActiveState=inactive\nUnitFileState=masked\n"), {"unit": "x.service"}
    )
    assert masked.part(("enabled",)) == "masked"


def test_a_unit_that_systemd_does_not_know_and_no_systemd() -> None:
    assert see("service", unit("LoadState=not-found\nActiveState=inactive\n"), {"unit": "x.service"}).seen is None
    refused = unit("", 1, "System has not been booted with systemd as init system (PID 1). Can't operate.")
    assert "systemd does not run there" in see("service", refused, {"unit": "x.service"}).problem
    assert "no program systemctl" in see("service", FakePlace(), {"unit": "x.service"}).problem


def test_processes() -> None:
    assert see("processes", FakePlace(PROC), {"names": ["pptpd", "ocserv"]}).seen == {"running": ("pptpd",)}


def test_hidden_processes_are_not_absent_ones() -> None:
    hidden = FakePlace({"/proc/4711/comm": "sh\n", "/proc/version": "Linux"})
    assert "are hidden" in see("processes", hidden, {"names": ["pptpd"]}).problem
    assert "are hidden" in see("clock", hidden).problem


def test_sockets() -> None:
    head = "  sl  local_address rem_address   st tx_queue\n"
    tcp = head + "".join(
        f"   {number}: {local} 00000000:0000 {state} 0\n"
        for number, (local, state) in enumerate(
            [("00000000:01BB", "0A"), ("0100007F:1F90", "0A"), ("0A0A0A0A:0016", "01"), ("0A0A0A0A:0016", "0A")]
        )
    )
    tcp6 = head + (
        "   0: 00000000000000000000000001000000:0CEA 00000000000000000000000000000000:0000 0A 0\n"
        "   1: 0000000000000000FFFF00000100007F:0CEB 00000000000000000000000000000000:0000 0A 0\n"
        "   2: 00000000000000000000000000000000:2118 00000000000000000000000000000000:0000 0A 0\n"
    )
    place = FakePlace({"/proc/net/tcp": tcp, "/proc/net/tcp6": tcp6, "/proc/net/udp": head})
    assert see("sockets", place, {"protocol": "tcp"}).seen == {"ports": (22, 443, 8472)}
    assert see("sockets", place, {"protocol": "udp"}).seen == {"ports": ()}
    assert see("sockets", FakePlace(), {"protocol": "udp"}).problem


def test_clock_and_selinux() -> None:
    assert see("clock", FakePlace(PROC, kept=False)).seen == {"synchronized": False, "keepers": ("chronyd",)}
    assert see("selinux", FakePlace()).seen == {"mode": "disabled"}
    config = {"/etc/selinux/config": "# SELINUX=disabled\nSELINUX=enforcing\n"}
    assert see("selinux", FakePlace({"/sys/fs/selinux/enforce": "0", **config})).seen == {
        "mode": "permissive",
        "configured": "enforcing",
    }


@pytest.mark.parametrize(
    ("probe", "arguments", "file"),
    [
        ("kernel-parameter", {"name": "kernel.kptr_restrict"}, "/proc/sys/kernel/kptr_restrict"),
        ("kernel-command-line", {}, "/proc/cmdline"),
        ("mount", {"path": "/tmp"}, "/proc/self/mountinfo"),
        ("accounts", {}, "/etc/shadow"),
    ],
)
def test_what_may_not_be_read_is_a_problem_and_not_absent(probe: str, arguments: dict[str, Any], file: str) -> None:
    found = see(probe, FakePlace({file: ""}, denied=frozenset({file})), arguments)
    assert "Permission denied" in found.problem
