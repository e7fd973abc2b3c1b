# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian root with OpenSCAP in it, looked at twice: by `oscap` with the SCAP Security Guide, by `wolfguard audit`.

Owns the root, an overlay in memory over it that ends with its processes, and both commands inside. The interpreter of
the installed package is the host's, so the root is of the host's release. Must not know which rules are compared.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from tests.interop import roots

RELEASES: Final = {"bookworm": "debian12", "trixie": "debian13"}
# linux-base is what the guide takes for "there is a kernel", without which most of its rules would not apply.
PACKAGES: Final = (
    "python3", "openscap-scanner", "openssh-server", "auditd", "linux-base", "procps", "systemd", "libpam-modules",
    "rsyslog",
)  # fmt: skip
# The guide for the releases themselves is in none of them.
GUIDE: Final = roots.Root("ssg", "sid", ("ssg-debian",), variant="extract")
CONTENT: Final = "usr/share/xml/scap/ssg/content"
RULE: Final = "xccdf_org.ssgproject.content_rule_"
LIMIT: Final = 600
# Parameters of a new network namespace depend on those of the machine that it is made on.
PARAMETERS: Final = {
    "conf/all/send_redirects": 1, "conf/all/accept_redirects": 1, "conf/all/rp_filter": 0, "conf/all/log_martians": 0,
    "icmp_echo_ignore_broadcasts": 1, "tcp_syncookies": 1,
}  # fmt: skip

SCRIPT: Final = """
set -e
mount --make-rprivate /
ip link set lo up
mount -t tmpfs tmpfs {work}
mkdir {work}/upper {work}/work {work}/root
mount -t overlay -o lowerdir={root},upperdir={work}/upper,workdir={work}/work overlay {work}/root
cd {work}/root
mkdir -p .{prefix} guide
mount --rbind /dev dev
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs run
mkdir run/sshd
mount --bind {prefix} .{prefix}
mount --bind {guide} guide
{parameters}
cat > change
enter() {{ chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"; }}
enter sh -e change
# 2: some rules fail
enter oscap xccdf eval --profile xccdf_org.ssgproject.content_profile_cis_level2_server {rules} \
    --results /theirs.xml /guide/ssg-{release}-ds.xml >log 2>&1 || [ $? = 2 ] || {{ cat log >&2; exit 1; }}
enter {prefix}/bin/python -I -m wolfguard.cli --socket /nonexistent audit run --profile cis-debian12 \
    --fail-on never --json > ours.json
cat theirs.xml
printf '\\0'
cat ours.json
"""


@dataclass(frozen=True)
class Views:
    """States by rule: OpenSCAP's words and ours, and what ours says of the reason."""

    theirs: dict[str, str]
    ours: dict[str, str]
    reasons: dict[str, str]


def look(change: str, rules: Iterable[str]) -> Views:
    """Both look at the root after the shell commands of `change`; `rules` are OpenSCAP's."""
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    root = roots.make(roots.Root("compliance", suite, PACKAGES))
    with tempfile.TemporaryDirectory(prefix="wolfguard-compliance-") as work:
        script = SCRIPT.format(
            work=work,
            root=root,
            prefix=sys.prefix,
            guide=roots.make(GUIDE) / CONTENT,
            parameters="\n".join(f"echo {value} > proc/sys/net/ipv4/{name}" for name, value in PARAMETERS.items()),
            release=RELEASES[suite],
            rules=" ".join(f"--rule {RULE}{each}" for each in rules),
        )
        command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", script]
        result = subprocess.run(command, input=change.encode(), capture_output=True, timeout=LIMIT, check=False)
    assert result.returncode == 0, result.stderr.decode(errors="replace")[-3000:]
    theirs, _, ours = result.stdout.partition(b"\0")
    findings = json.loads(ours)["findings"]
    return Views(
        _results(theirs),
        {each["rule"]: each["state"] for each in findings},
        {each["rule"]: each["reason"] for each in findings},
    )


def _results(document: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    root = ElementTree.fromstring(document)  # noqa: S314 - of the oscap that we have run
    for each in root.iter("{http://checklists.nist.gov/xccdf/1.2}rule-result"):
        result = each.find("{http://checklists.nist.gov/xccdf/1.2}result")
        assert result is not None
        found[each.attrib["idref"].removeprefix(RULE)] = str(result.text)
    return found
