# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of accounts, PAM, settings, audit, packet filter, packages and the installation against made-up machines."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.unit.audit.fake_place import FakePlace, see
from wolfguard.audit.place import FileFacts, Kind, Output, Program, output
from wolfguard.crypto.digest import sha256
from wolfguard.policy import recorded
from wolfguard.sandbox.processes import PROCESSES

OURS = sorted({process.user for process in PROCESSES.values()} - {"root"})
SECRET = "$y$j9T$abcdefgh$secretsecret"


def accounts(*more: tuple[str, str]) -> FakePlace:
    """root, a person, a service, the gateway's accounts, and further lines of (passwd, shadow)."""
    passwd = ["root:x:0:0:root:/root:/bin/bash", "alice:x:1000:1000::/home/alice:/bin/bash",
              "daemon:x:1:1::/usr/sbin:/usr/sbin/nologin"]  # fmt: skip
    shadow = [f"root:{SECRET}:1::", "alice:$6$salt$hash:1::", "daemon:*:1::"]
    for number, name in enumerate(OURS):
        passwd.append(f"{name}:x:{900 + number}:{900 + number}::/nonexistent:/usr/sbin/nologin")
        shadow.append(f"{name}:!:1::")
    for entry, hashed in more:
        passwd.append(entry)
        shadow.append(f"{entry.split(':')[0]}:{hashed}:1::")
    groups = "".join(f"{name}:x:{900 + number}:\n" for number, name in enumerate(OURS))
    return FakePlace(
        {"/etc/passwd": "\n".join(passwd) + "\n", "/etc/shadow": "\n".join(shadow) + "\n", "/etc/group": groups}
    )


def test_accounts() -> None:
    place = accounts(
        ("toor:x:0:0::/:/bin/sh", "!"), ("guest:x:1001:1001::/:/bin/sh", ""), ("backup:x:34:34::/:/bin/sh", "*")
    )
    found = see("accounts", place)
    assert found.seen == {
        "root_like": ("toor",),
        "empty": ("guest",),
        "weak": ("root",),
        "doubled": (0,),
        "system_shells": ("backup",),
    }
    assert "secret" not in str(found)


def test_a_passwd_file_of_another_form() -> None:
    place = accounts()
    place.files["/etc/passwd"] = "root:x:0\n"
    assert "another form" in see("accounts", place).problem


def test_accounts_of_the_gateway() -> None:
    good = see("gateway-accounts", accounts())
    assert all(value == () for value in (good.seen or {"none": 1}).values())
    place = accounts(("mallory:x:900:900::/:/bin/sh", "*"))
    text = str(place.files["/etc/shadow"]).replace(f"{OURS[1]}:!", f"{OURS[1]}:{SECRET}")
    place.files["/etc/shadow"] = text
    place.files["/etc/group"] = f"{OURS[2]}:x:902:mallory\n"
    place.files["/etc/passwd"] = str(place.files["/etc/passwd"]).replace(f"{OURS[3]}:", "gone:")
    found = see("gateway-accounts", place)
    assert found.part(("shared",)) == (OURS[0],)
    assert found.part(("passwords",)) == (OURS[1],)
    assert found.part(("members",)) == (OURS[2],)
    assert found.part(("missing",)) == (OURS[3],)
    assert "secret" not in str(found)


def test_pam_with_what_it_includes() -> None:
    place = FakePlace(
        {
            "/etc/pam.d/sshd": "@include common-auth\naccount required pam_nologin.so\n@include ../../etc/shadow\n",
            "/etc/pam.d/common-auth": (
                "# head\nauth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth requisite pam_deny.so\n"
                "-auth optional /lib/security/pam_cap.so\nauth include loop\n"
            ),
            "/etc/pam.d/loop": "auth include loop\npassword required pam_unix.so obscure yescrypt\n",
        }
    )
    found = see("pam", place, {"service": "sshd"})
    assert found.part(("modules",)) == ("pam_unix.so", "pam_deny.so", "pam_cap.so", "pam_nologin.so")
    assert found.part(("empty_passwords",)) == ("pam_unix.so",)
    assert found.part(("hashes",)) == ("yescrypt",)
    assert see("pam", FakePlace(), {"service": "sshd"}).seen is None


def test_settings_with_drop_ins() -> None:
    place = FakePlace(
        {
            "/etc/systemd/journald.conf": "[Journal]\n#Storage=auto\nStorage = volatile\n",
            "/usr/lib/systemd/journald.conf.d/10-a.conf": "[Journal]\nStorage=auto\n",
            "/etc/systemd/journald.conf.d/20-site.conf": "[Journal]\nStorage=Persistent\n",
            "/etc/systemd/journald.conf.d/30-note.txt": "Storage=none\n",
            "/etc/audit/auditd.conf": "max_log_file = 8\ndisk_full_action = SUSPEND # why\n",
        }
    )
    journal = see("setting", place, {"file": "/etc/systemd/journald.conf", "name": "Storage"})
    assert journal.seen == {"value": "persistent"}
    assert journal.source.endswith("20-site.conf")
    audit = {"file": "/etc/audit/auditd.conf"}
    assert see("setting", place, {**audit, "name": "disk_full_action"}).seen == {"value": "suspend"}
    assert see("setting", place, {**audit, "name": "max_log_file"}).seen == {"value": 8}
    assert see("setting", place, {**audit, "name": "absent"}).seen is None


def test_ssh() -> None:
    text = "port 22\npermitrootlogin no\nciphers aes256-ctr,aes128-ctr\nclientalivecountmax 3\n"
    found = see("ssh", FakePlace(programs={Program.SSH_SETTINGS: Output(text, 0, "")}))
    assert found.part(("settings", "permitrootlogin")) == "no"
    assert found.part(("settings", "ciphers")) == ("aes256-ctr", "aes128-ctr")
    assert found.part(("settings", "clientalivecountmax")) == 3
    assert see("ssh", FakePlace()).seen is None
    broken = FakePlace(programs={Program.SSH_SETTINGS: output(b"", 255, b"sshd: no hostkeys available -- exiting.")})
    assert "exit code 255, it has no host keys" in see("ssh", broken).problem


def test_the_kernels_audit() -> None:
    status = "enabled 2\nfailure 1\npid 0\nlost 7\nbacklog 0\n"
    rules = (
        "-a always,exit -F arch=b64 -S init_module,finit_module -F key=modules\n"
        "-a never,exit -F arch=b64 -S delete_module\n-w /etc/wolfguard-gateway -p wa -k wolfguard\n"
        "-a always,exit -S all -F dir=/etc/audit -F perm=wa\n"
    )
    programs = {Program.AUDIT_STATUS: Output(status, 0, ""), Program.AUDIT_RULES: Output(rules, 0, "")}
    seen = dict(see("audit-system", FakePlace(programs=programs)).seen or {})
    assert set(seen.pop("unrecorded")) == set(recorded.SUBJECTS)  # type: ignore[arg-type]
    assert seen == {
        "enabled": 2, "failure": 1, "lost": 7, "calls": ("all", "finit_module", "init_module"),
        "watches": ("/etc/audit", "/etc/wolfguard-gateway"),
    }  # fmt: skip
    refused = {**programs, Program.AUDIT_RULES: output(b"", 4, b"You must be root to run this program.")}
    assert "exit code 4, only root may ask" in see("audit-system", FakePlace(programs=refused)).problem
    assert see("audit-system", FakePlace()).seen is None


def nft(*entries: dict[str, Any]) -> FakePlace:
    return FakePlace(programs={Program.RULESET: Output(json.dumps({"nftables": list(entries)}), 0, "")})


def chain(table: str, name: str, hook: str, policy: str) -> dict[str, Any]:
    fields = {"family": "inet", "table": table, "name": name, "type": "filter", "hook": hook, "policy": policy}
    return {"chain": fields}


def rule(table: str, chain_name: str, *expr: dict[str, Any]) -> dict[str, Any]:
    return {"rule": {"family": "inet", "table": table, "chain": chain_name, "expr": list(expr)}}


def test_an_empty_ruleset() -> None:
    assert see("firewall", nft({"metainfo": {}})).seen == {
        "input": "none", "forward": "none", "gateway_table": False, "gateway_hooks": (), "anti_spoofing": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("last", "policy"),
    [
        (({"drop": None},), "drop"),
        (({"counter": {}}, {"reject": {"type": "icmpx"}}), "drop"),
        (({"match": {"left": 1}}, {"drop": None}), "accept"),
        (({"accept": None},), "accept"),
    ],
)
def test_a_chain_that_ends_strictly_is_as_strict_as_a_policy(last: tuple[dict[str, Any], ...], policy: str) -> None:
    entries = [chain("site", "in", "input", "accept"), rule("site", "in", {"accept": None}), rule("site", "in", *last)]
    assert see("firewall", nft(*entries)).part(("input",)) == policy


def test_ipv6_must_be_strict_too() -> None:
    only_ipv4 = chain("a", "i", "input", "drop")
    only_ipv4["chain"]["family"] = "ip"
    assert see("firewall", nft(only_ipv4)).part(("input",)) == "none"
    both = chain("b", "i", "input", "drop")
    both["chain"]["family"] = "ip6"
    assert see("firewall", nft(only_ipv4, both)).part(("input",)) == "drop"


def test_one_strict_chain_is_enough() -> None:
    entries = [chain("a", "f", "forward", "accept"), chain("b", "f", "forward", "drop")]
    assert see("firewall", nft(*entries)).part(("forward",)) == "drop"


def test_nft_that_may_not_or_makes_no_sense() -> None:
    refused = FakePlace(programs={Program.RULESET: output(b"", 1, b"Operation not permitted (you must be root)")})
    assert "only root may ask" in see("firewall", refused).problem
    assert see("firewall", FakePlace(programs={Program.RULESET: Output("no json", 0, "")})).problem
    assert "no program nft" in see("firewall", FakePlace()).problem


def test_packages() -> None:
    changed = "??5??????   /usr/bin/nft\n??5?????? c /etc/nftables.conf\nmissing     /usr/share/doc/x\n"
    programs = {Program.PACKAGE_STATUS: Output("installed\n", 0, ""), Program.PACKAGE_SUMS: Output(changed, 1, "")}
    found = see("packages", FakePlace(programs=programs), {"names": ["nftables"]})
    assert found.seen == {"changed": ("/usr/bin/nft", "/usr/share/doc/x"), "missing": ()}
    gone = {**programs, Program.PACKAGE_STATUS: Output("", 1, "no packages found")}
    assert see("packages", FakePlace(programs=gone), {"names": ["nftables"]}).part(("missing",)) == ("nftables",)


LIB = "/opt/gateway/lib"


def installation(**changes: str) -> FakePlace:
    content = {"wolfguard/__init__.py": "a\n", "wolfguard/auth/login.py": "b\n"}
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(sha256(text.encode())).rstrip(b'=').decode()},2\n"
        for path, text in content.items()
    )
    record += "wolfguard_gateway-0.1.dist-info/RECORD,,\n../../../bin/wolfguard,sha256=xx,3\n"
    files: dict[str, str | bytes] = {f"{LIB}/{path}": text for path, text in content.items()}
    files[f"{LIB}/wolfguard_gateway-0.1.dist-info/RECORD"] = record
    files[f"{LIB}/wolfguard/__pycache__/x.pyc"] = "compiled"
    files.update({f"{LIB}/{path}": text for path, text in changes.items()})
    return FakePlace(files)


def test_the_installation() -> None:
    assert see("installation", installation()).seen == {"changed": (), "unlisted": (), "loose": ()}
    place = installation(**{"wolfguard/auth/login.py": "backdoor", "wolfguard/extra.py": "x"})
    del place.files[f"{LIB}/wolfguard/__init__.py"]
    place.owners[f"{LIB}/wolfguard/auth"] = FileFacts(Kind.FOLDER, 0o775, "root", "staff", 0)
    assert see("installation", place).seen == {
        "changed": (f"{LIB}/wolfguard/__init__.py", f"{LIB}/wolfguard/auth/login.py"),
        "unlisted": (f"{LIB}/wolfguard/extra.py",),
        "loose": (f"{LIB}/wolfguard/auth",),
    }


def test_an_installation_without_its_list() -> None:
    assert "0 lists" in see("installation", FakePlace({f"{LIB}/wolfguard/x.py": ""})).problem
