# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook has made of a fresh machine, as the machine itself shows it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from testinfra.host import Host

FINGERPRINT = Path(__file__).parents[1] / "shared" / "fingerprint.sh"
UNIT = "wolfguard-gateway.service"
TLS = "/etc/wolfguard-gateway/tls/vpn.example.org"


def test_the_second_run_has_touched_no_file(host: Host) -> None:
    result = host.run(f"({FINGERPRINT.read_text('utf-8')}) | diff /var/tmp/fingerprint -")
    assert (result.rc, result.stdout) == (0, "")


def test_the_gateway_serves_and_starts_at_boot(host: Host) -> None:
    service = host.service(UNIT)
    assert service.is_running
    assert service.is_enabled


def test_every_process_is_confined_and_answers(host: Host) -> None:
    status = json.loads(host.check_output("wolfguard status --json"))
    assert status["silent"] == []
    assert not status["weakened"]
    assert len(status["processes"]) >= 7


def test_the_listener_has_a_certificate_of_the_authority(folder: Path) -> None:
    """Asked with the controller's own program and copy of the authority's certificate, in the machine's network."""
    (authority,) = (folder / "pki").glob("*-ca.pem")
    leader = (folder / "leader").read_text().strip()
    words = ["nsenter", f"--target={leader}", "--net", "openssl", "s_client", "-connect", "127.0.0.1:443"]
    options = ["-servername", "vpn.example.org", "-verify_hostname", "vpn.example.org", "-verify_return_error"]
    result = subprocess.run(
        [*words, *options, "-CAfile", str(authority)], input="", capture_output=True, text=True, check=False
    )
    assert "Verify return code: 0 (ok)" in result.stdout, result.stderr
    assert "TLSv1.3" in result.stdout


def test_keys_are_for_root_alone(host: Host) -> None:
    keys = host.check_output("find /etc/wolfguard-gateway -name '*.key'").split()
    assert f"{TLS}.key" in keys
    for name in keys:
        file = host.file(name)
        assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


def test_the_packet_filter_drops_what_nothing_allows(host: Host) -> None:
    table = host.check_output("nft list table inet wolfguard_machine")
    assert table.count("policy drop;") == 2
    assert "tcp dport 443" in table
    assert "udp dport 443 accept" in table
    assert "2001:db8:1::/64" in table


def test_the_gateways_own_table_outlives_the_machines(host: Host) -> None:
    """The distribution's unit would flush it at its end."""
    try:
        host.check_output("systemctl stop nftables.service")
        tables = host.check_output("nft list tables")
        assert "wolfguard_gateway" in tables
        assert "wolfguard_machine" not in tables
    finally:
        host.check_output("systemctl start nftables.service")
    assert "wolfguard_machine" in host.check_output("nft list tables")


def test_kernel_parameters_of_the_network_are_in_force(host: Host) -> None:
    for line in host.check_output("grep -v '^#' /etc/sysctl.d/zz-wolfguard.conf").splitlines():
        name, _, value = line.partition(" = ")
        # a container may set those of its network alone
        if name.startswith("net.ipv"):
            assert host.check_output("sysctl -n %s", name) == value, name


def test_the_ssh_server_takes_neither_root_nor_passwords(host: Host) -> None:
    settings = host.check_output("sshd -T").splitlines()
    assert {"permitrootlogin no", "passwordauthentication no", "x11forwarding no"} <= set(settings)
    assert host.service("ssh").is_running


def test_units_that_stay_off(host: Host) -> None:
    for unit in ("debug-shell.service", "systemd-coredump.socket"):
        assert host.check_output("systemctl show -p LoadState --value %s", unit) == "masked"


def test_the_journal_is_kept(host: Host) -> None:
    assert "Storage=persistent" in host.file("/etc/systemd/journald.conf.d/wolfguard.conf").content_string
    assert host.file("/var/log/journal").is_directory


def test_the_report_is_on_the_controller(folder: Path) -> None:
    result = json.loads((folder / "last" / "result.json").read_text("utf-8"))
    states = {finding["rule"]: finding["state"] for finding in result["findings"]}
    enforced = [
        "network/input-denied-by-default", "network/forward-denied-by-default", "host/gateway-starts-at-boot",
        "host/no-debug-shell", "records/journal-kept", "keys/private-keys-closed",
    ]  # fmt: skip
    assert {rule: states[rule] for rule in enforced} == dict.fromkeys(enforced, "pass")


def test_no_secret_is_in_the_journal(host: Host) -> None:
    lines = host.check_output("tail -n +2 %s", f"{TLS}.key").splitlines()
    journal = host.check_output("journalctl --no-pager --output=cat")
    assert lines
    assert not [line for line in lines[:-1] if line in journal]
