# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSCAP's view of a Debian root beside ours, rule by rule where both look at the same thing. They agree, or the
difference is named here with its reason; once as Debian leaves the root, once after changes for better and worse.
"""

from __future__ import annotations

import pytest

from tests.system.compliance_root import Views, look

SAME = {
    "auth/no-empty-passwords": "no_empty_passwords_etc_shadow",
    "auth/user-ids-unique": "account_unique_id",
    "auth/root-alone-is-root": "accounts_no_uid_except_zero",
    "auth/services-without-shell": "no_shelllogin_for_systemaccounts",
    "auth/pam-no-empty-passwords": "no_empty_passwords_unix",
    "auth/pam-lockout": "accounts_passwords_pam_faillock_enabled",
    "auth/pam-new-passwords-approved": "set_password_hashing_algorithm_systemauth",
    "host/passwd-not-writable": "file_permissions_etc_passwd",
    "host/shadow-closed": "file_permissions_etc_shadow",
    "host/shadow-owned": "file_owner_etc_shadow",
    "host/sshd-settings-not-writable": "file_permissions_sshd_config",
    "auth/ssh-no-root": "sshd_disable_root_login",
    "auth/ssh-no-empty-passwords": "sshd_disable_empty_passwords",
    "auth/ssh-no-gssapi": "sshd_disable_gssapi_auth",
    "auth/ssh-no-host-trust": "disable_host_auth",
    "auth/ssh-no-environment": "sshd_do_not_permit_user_env",
    "auth/ssh-macs": "sshd_use_strong_macs",
    "auth/ssh-ciphers": "sshd_use_strong_ciphers",
    "auth/ssh-key-exchange": "sshd_use_strong_kex",
    "host/address-randomization": "sysctl_kernel_randomize_va_space",
    "network/no-redirects-sent": "sysctl_net_ipv4_conf_all_send_redirects",
    "network/no-redirects-taken": "sysctl_net_ipv4_conf_all_accept_redirects",
    "network/reverse-path": "sysctl_net_ipv4_conf_all_rp_filter",
    "network/martians-logged": "sysctl_net_ipv4_conf_all_log_martians",
    "network/syn-cookies": "sysctl_net_ipv4_tcp_syncookies",
    "network/no-broadcast-echo": "sysctl_net_ipv4_icmp_echo_ignore_broadcasts",
    "host/no-usb-storage": "kernel_module_usb-storage_disabled",
    "records/audit-space-warning": "auditd_data_retention_space_left_action",
    "records/audit-full-disk": "auditd_data_disk_full_action",
    "records/audit-disk-error": "auditd_data_disk_error_action",
    "records/audit-folder-closed": "directory_permissions_var_log_audit",
    "records/kernel-audit-there": "package_audit_installed",
    "records/journal-kept": "journald_storage",
    "host/tmp-restricted": "mount_option_tmp_nodev",
}
"""Our rule and OpenSCAP's that look at the same thing."""

WRITTEN = "OpenSCAP wants the line in the file; we ask sshd, whose default is the same"
LASTING = "OpenSCAP wants it in sysctl.d too; we take the value in force, and host/parameters-last asks for the file"
YESCRYPT = "the benchmark takes yescrypt, which no FIPS module has"
UNTOUCHED = {
    "auth/pam-new-passwords-approved": ("fail", "pass", YESCRYPT),
    "host/sshd-settings-not-writable": ("pass", "fail", "OpenSCAP wants it closed to readers; we, to writers"),
    "auth/ssh-no-empty-passwords": ("pass", "fail", WRITTEN),
    "auth/ssh-no-gssapi": ("pass", "fail", WRITTEN),
    "auth/ssh-no-host-trust": ("pass", "fail", WRITTEN),
    "auth/ssh-no-environment": ("pass", "fail", WRITTEN),
    "host/address-randomization": ("pass", "fail", LASTING),
    "network/syn-cookies": ("pass", "fail", LASTING),
    "network/no-broadcast-echo": ("pass", "fail", LASTING),
    "records/audit-space-warning": ("pass", "fail", "Debian's action is syslog, which the benchmark does not take"),
    "host/no-usb-storage": (
        "error",
        "fail",
        "this root has no modules of a kernel; OpenSCAP reads modprobe.d",
    ),
    "host/tmp-restricted": (
        "fail",
        "notapplicable",
        "OpenSCAP asks where /tmp is a partition; we want one",
    ),
}
"""Where the views of the root as Debian leaves it differ: ours, OpenSCAP's, and why both are right."""
STILL = ("auth/pam-new-passwords-approved", "host/no-usb-storage", "host/tmp-restricted")

CHANGE = """
cat >> /etc/ssh/sshd_config.new <<'END'
PermitRootLogin no
PermitEmptyPasswords no
GSSAPIAuthentication no
HostbasedAuthentication no
PermitUserEnvironment no
END
cat /etc/ssh/sshd_config >> /etc/ssh/sshd_config.new
mv /etc/ssh/sshd_config.new /etc/ssh/sshd_config
chmod 600 /etc/ssh/sshd_config
cat > /etc/sysctl.d/60-test.conf <<'END'
kernel.randomize_va_space = 2
net.ipv4.tcp_syncookies = 1
net.ipv4.icmp_echo_ignore_broadcasts = 1
END
sed -i 's/^space_left_action.*/space_left_action = email/; s/^disk_full_action.*/disk_full_action = halt/' \
    /etc/audit/auditd.conf
sed -i 's/^disk_error_action.*/disk_error_action = halt/' /etc/audit/auditd.conf
sed -i 's/^#*Storage=.*/Storage=persistent/' /etc/systemd/journald.conf
sed -i 's/ nullok//' /etc/pam.d/common-password /etc/pam.d/common-auth
chmod 666 /etc/passwd
chmod 644 /etc/shadow
echo 'toor:x:0:0::/root:/bin/sh' >> /etc/passwd
echo 'toor::19000:0:99999:7:::' >> /etc/shadow
sed -i '/^games:/s#[^:]*$#/bin/sh#' /etc/passwd
chmod 777 /var/log/audit
"""


@pytest.fixture(scope="module")
def untouched() -> Views:
    return look("", SAME.values())


@pytest.fixture(scope="module")
def changed() -> Views:
    return look(CHANGE, SAME.values())


def differing(views: Views) -> dict[str, tuple[str, str]]:
    pairs = {ours: (views.ours[ours], views.theirs[theirs]) for ours, theirs in SAME.items()}
    return {rule: pair for rule, pair in pairs.items() if pair[0] != pair[1]}


def test_the_views_differ_where_they_are_said_to(untouched: Views) -> None:
    assert differing(untouched) == {rule: (ours, theirs) for rule, (ours, theirs, _) in UNTOUCHED.items()}


def test_after_a_change_both_see_the_same(changed: Views) -> None:
    assert differing(changed) == {rule: UNTOUCHED[rule][:2] for rule in STILL}


def test_the_change_turned_both_round(untouched: Views, changed: Views) -> None:
    turned = {rule for rule in SAME if untouched.ours[rule] != changed.ours[rule]}
    assert turned == {
        "auth/no-empty-passwords",
        "auth/user-ids-unique",
        "auth/root-alone-is-root",
        "auth/services-without-shell",
        "auth/pam-no-empty-passwords",
        "auth/ssh-no-root",
        "host/passwd-not-writable",
        "host/shadow-closed",
        "records/audit-full-disk",
        "records/audit-disk-error",
        "records/audit-folder-closed",
        "records/journal-kept",
    }
    assert all(untouched.theirs[SAME[rule]] != changed.theirs[SAME[rule]] for rule in turned)
