# SPDX-License-Identifier: GPL-3.0-or-later
"""Root file systems with the real peers: clients of Debian 12, Debian 13, sid, an OpenSSL build of openconnect; TLS
libraries; FreeRADIUS, Debian's own and a build with RADIUS/1.1, which Debian leaves out.

Owns making and caching them (mmdebstrap, from the machine's own Debian archive) and the command line that runs a
program inside one. Must not know about gateways or tests. A root is complete or absent: it is made aside and renamed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fips"))

from source import KEYRING, debian_mirrors, fetch

CACHE = Path(os.environ.get("WOLFGUARD_CACHE", "/var/cache/wolfguard-gateway")) / "roots"
CLIENT = ("openconnect", "vpnc-scripts", "iproute2", "iperf3", "iputils-ping", "procps")
BUILD = ("gcc", "make", "pkgconf", "libc6-dev", "libssl-dev", "libxml2-dev", "zlib1g-dev", "openssl", "dpkg-dev")

# The OpenSSL build: Debian's own source package, configured for the other library. A script for the build root.
OPENSSL_BUILD = """
set -e
cd /root
mkdir build
tar -xf openconnect_*.orig.tar.* -C build --strip-components=1
cd build
./configure --prefix=/usr/local --with-openssl=yes --without-gnutls --disable-nls --disable-docs --without-libproxy \
  --without-stoken --without-libpcsclite --without-libpskc --without-gssapi --without-lz4 \
--with-vpnc-script=/usr/share/vpnc-scripts/vpnc-script
make -j2
make install
ldconfig
cd /root && rm -rf build openconnect_*
"""

# FreeRADIUS from Debian's own source package, with the one switch that Debian does not set (RFC 9765). Its configure
# script sets one variable for it and reads another. 3.2.10 marks a reply of RADIUS/1.1 as one that cannot be sent, and
# takes the mark back for replies to logins alone, so that it confirms no accounting: the one line of that is changed.
RADIUS_BUILD = """
set -e
cd /root
mkdir build
tar -xf freeradius_*.orig.tar.* -C build --strip-components=1
cd build
sed -i 's/^\\t\\tpacket->offset = -1;$/\\t\\tpacket->offset = 0;/' src/lib/radius.c
grep -c 'packet->offset = 0;' src/lib/radius.c | grep -qx 2
WITH_RADIUSCV11=yes ./configure --prefix=/usr/local --with-radiusv11 --without-docs --with-experimental-modules=no \
  --quiet
nice make -j2 >/dev/null
make install >/dev/null
ldconfig
cd /root && rm -rf build freeradius_*
"""


@dataclass(frozen=True, slots=True)
class Root:
    """`suite` is Debian's; `script` runs inside as the last step, beside the newest source of the package `source`;
    `openconnect` is the client's path inside.

    `architecture`, when it is not the machine's own, is for roots that are only looked into (`variant` "extract").
    """

    name: str
    suite: str
    packages: tuple[str, ...]
    script: str = ""
    openconnect: str = "/usr/sbin/openconnect"
    architecture: str = ""
    variant: str = "minbase"
    source: str = "openconnect"

    @property
    def path(self) -> Path:
        facts = json.dumps([self.suite, self.packages, self.script, *filter(None, [self.architecture])])
        return CACHE / f"{self.name}-{hashlib.sha256(facts.encode()).hexdigest()[:12]}"


BOOKWORM = Root("bookworm", "bookworm", CLIENT)
TRIXIE = Root("trixie", "trixie", CLIENT)
SID = Root("sid", "sid", (*CLIENT, "ocserv", "gnutls-bin"))
OPENSSL = Root("openssl", "sid", (*CLIENT, *BUILD), OPENSSL_BUILD, "/usr/local/sbin/openconnect")
RADIUS12 = Root("radius12", "bookworm", ("freeradius", "procps"))
RADIUS13 = Root("radius13", "trixie", ("freeradius", "procps", "openssl"))
RADIUS_LIBRARIES = ("libc6-dev", "libssl-dev", "libtalloc-dev", "libpcre2-dev", "libcrypt-dev")
RADIUS_PACKAGES = ("gcc", "make", *RADIUS_LIBRARIES, "openssl", "perl", "procps")
RADIUS11 = Root("radius11", "sid", RADIUS_PACKAGES, RADIUS_BUILD, source="freeradius")
# Other TLS libraries by themselves, to probe a listener with: OpenSSL with its FIPS provider, and GnuTLS.
STACKS = Root("stacks", "trixie", ("openssl", "openssl-provider-fips", "gnutls-bin"))
CLIENTS = (BOOKWORM, TRIXIE, SID, OPENSSL)


def make(root: Root) -> Path:
    """Makes the root unless it is cached. Raises RuntimeError with the end of the log when that fails."""
    target = root.path
    CACHE.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:
        # another run of the tests may be making the same root
        fcntl.flock(lock, fcntl.LOCK_EX)
        return target if target.exists() else _made(root, target)


def _made(root: Root, target: Path) -> Path:
    mirror = next(debian_mirrors(), None)
    if mirror is None:
        raise RuntimeError("no Debian archive in /etc/apt: the interop tests need one to fetch the clients from")
    partial = target.with_name(target.name + ".partial")
    subprocess.run(["rm", "-rf", "--one-file-system", str(partial)], check=True)
    command = [
        "mmdebstrap", "--mode=root", f"--variant={root.variant}", f"--include={','.join(root.packages)}",
        *([f"--architectures={root.architecture}", "--skip=check/qemu"] if root.architecture else []),
        "--aptopt=Acquire::Check-Valid-Until \"false\"", "--aptopt=APT::Sandbox::User \"root\"",
        *([f"--keyring={KEYRING}"] if KEYRING.exists() else []),
        root.suite, str(partial), f"deb {mirror} {root.suite} main",
    ]  # fmt: skip
    log = target.with_suffix(".log")
    with log.open("wb") as stream:
        result = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, check=False)
        if result.returncode == 0 and root.script:
            with tempfile.TemporaryDirectory() as work:
                shutil.copy(fetch(Path(work), root.source)[0].path, partial / "root")
            inside = [*enter(partial), "/bin/sh", "-c", root.script]
            result = subprocess.run(inside, stdout=stream, stderr=subprocess.STDOUT, check=False)
    if result.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise RuntimeError(f"{root.name} could not be made, the log is {log}:\n{tail}")
    partial.rename(target)
    return target


def enter(root: Path) -> list[str]:
    """The words before a command that run it inside a root: private mounts that vanish with the process."""
    mounts = (
        f"mount --make-rprivate / && mount --rbind /dev {root}/dev && mount -t proc proc {root}/proc && "
        f"mount -t tmpfs tmpfs {root}/run && touch {root}/etc/resolv.conf && "
        f"mount --bind /etc/resolv.conf {root}/etc/resolv.conf && "
        f"exec chroot {root} /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
        f'HOME=/root LANG=C.UTF-8 "$@"'
    )
    return ["unshare", "--mount", "sh", "-c", mounts, "enter"]


if __name__ == "__main__":
    for each in (*CLIENTS, STACKS):
        print(each.name, make(each), flush=True)
