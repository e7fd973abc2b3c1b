# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk of the virtual machine: Debian with its kernel, SELinux enforcing, this gateway and its policy module.

Owns how it is made. The package is the one that is installed beside the running Python; the policy is compiled and
linked, and every file labelled, in a chroot, so that the machine boots once and into its final state. The Debian root
and the packages of Python are cached; the disk is made anew when anything in it has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import yaml

from tests.bench.unconfined import ENTER
from tests.interop import roots
from tests.system.payload.attempt import Of
from tests.system.payload.attempts import WORKER
from tests.system.payload.injection import SCRATCH, SCRATCH_BYTES, SCRIPT, argument, known, numbers
from tests.vm.disk import MASKED, enforcing, file_system, inside, kernel, label, remove
from wolfguard.crypto.authority import make_authority

TREE = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
CACHE = roots.CACHE.parent / "vm"
PREFIX = "opt/wolfguard-gateway"
PROOF = "opt/proof"
ADDRESS = "203.0.113.1"
DISK_MEGABYTES = 3 * 1024

PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "udev", "kmod", "python3", "python3-venv", "iproute2", "nftables",
    "libnftables1", "procps", "linux-image-cloud-amd64", "selinux-basics", "selinux-policy-default",
    "selinux-policy-dev", "policycoreutils", "checkpolicy", "semodule-utils", "make", "m4", "auditd", "openconnect",
    "vpnc-scripts", "iputils-ping", "gdb", "zstd", "lz4",
)  # fmt: skip
RELEASES = {name: roots.Root(f"vm-{name}", name, PACKAGES) for name in ("bookworm", "trixie")}

SITE = {
    "listeners": [{"address": "0.0.0.0", "port": 443}],  # noqa: S104
    "workers": 2,
    "sites": [
        {
            "name": "default",
            # the client's library has no extended master secret in DTLS
            "crypto_profile": "compat",
            "certificates": [
                {"certificate": f"/etc/wolfguard-gateway/tls/server-{kind}.pem",
                 "key": f"/etc/wolfguard-gateway/tls/server-{kind}.key"}
                for kind in ("ecdsa", "rsa")
            ],
            "network": {"ipv4_pool": "10.99.0.0/16", "split_include": ["198.51.100.0/24"]},
        }
    ],
}  # fmt: skip


def make(release: str) -> tuple[Path, Path]:
    """The disk of a Debian release and the kernel that boots it. Raises RuntimeError, CalledProcessError."""
    base = roots.make(RELEASES[release])
    target = CACHE / f"disk-{release}-{_fingerprint(base)}"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        work = CACHE / "work"
        remove(work)
        # reflinks where the file system has them
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(work)], check=True)
        _install(work)
        _configure(work)
        _policy(work)
        partial = CACHE / "partial"
        remove(partial)
        partial.mkdir()
        disk = partial / "disk.img"
        file_system(work, disk, DISK_MEGABYTES)
        kernel(work, partial / "vmlinux")
        remove(work)
        for old in CACHE.glob(f"disk-{release}-*"):
            remove(old)
        partial.rename(target)
    return target / "disk.img", target / "vmlinux"


def _fingerprint(base: Path) -> str:
    """Of everything that goes into the disk."""
    digest = hashlib.sha256(f"{base.name} {_attempts()} {ENTER}".encode())
    package = Path(sys.prefix)
    for file in sorted(
        [*_files([TREE / "selinux", TREE / "systemd", HERE / "guest", HERE / "policy", _site_packages() / "wolfguard",
                  package / "wolfssl" / "lib"]), *HERE.glob("*.service"), HERE / "image.py", HERE / "disk.py"]
    ):  # fmt: skip
        digest.update(f"{file}\0".encode())
        digest.update(file.read_bytes())
    digest.update(SCRIPT.read_bytes() + (TREE / "bootstrap").read_bytes())
    return digest.hexdigest()[:12]


def _attempts() -> str:
    """The hostile payload as JSON; {"of": word} stands for what only the machine knows."""
    attempts = [
        {
            "name": each.name,
            "number": numbers()[each.call],
            "arguments": [{"of": word.word} if isinstance(word, Of) else argument(word) for word in each.arguments],
        }
        for each in WORKER
        if known(each.call) and each.labelled.errors
    ]
    return json.dumps({"scratch": [SCRATCH, SCRATCH_BYTES], "attempts": attempts})


def _files(folders: Iterable[Path]) -> Iterable[Path]:
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and file.suffix != ".pyc":
                yield file


def _site_packages() -> Path:
    import wolfguard

    return Path(wolfguard.__file__).parents[1]


def _install(root: Path) -> None:
    """The installed package, as bootstrap would put it there: its environment, its library, its accounts."""
    inside(root, f"python3 -m venv --without-pip /{PREFIX}")
    (target,) = (root / PREFIX / "lib").glob("python3.*/site-packages")
    _requirements(target)
    for name in ("wolfguard", *(path.name for path in _site_packages().glob("wolfguard_gateway-*.dist-info"))):
        shutil.copytree(_site_packages() / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(Path(sys.prefix) / "wolfssl", root / PREFIX / "wolfssl", symlinks=True)
    command = root / PREFIX / "bin" / "wolfguard"
    command.write_text(f"#!/{PREFIX}/bin/python\n" + "import sys\nfrom wolfguard.cli import main\nsys.exit(main())\n")
    command.chmod(0o755)
    other = root / sys.prefix[1:]
    if not other.exists():
        # the extension finds its library by the path that it was built for
        other.parent.mkdir(parents=True, exist_ok=True)
        other.symlink_to(f"/{PREFIX}")
    inside(root, f"/{PREFIX}/bin/python -m compileall -q /{PREFIX}/lib")
    names = ("keyd", "sessiond", "netd", "authd", "pam", "mgmtd", "worker")
    for name in names:
        inside(root, f"useradd --system --user-group --no-create-home --home-dir /nonexistent wolfguard-{name}")
    for role in ("admin", "operator", "auditor"):
        inside(root, f"groupadd --system wolfguard-{role}")


def _requirements(target: Path) -> None:
    """What the package needs from PyPI, for the machine's Python, which is newer than ours may be."""
    needed = tomllib.loads((TREE / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    version = target.parent.name.removeprefix("python")
    name = hashlib.sha256(f"{version} {needed}".encode()).hexdigest()[:12]
    kept = CACHE / f"packages-{name}"
    if not kept.exists():
        partial = CACHE / "packages.partial"
        remove(partial)
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary=:all:",
             "--python-version", version, "--platform", "manylinux2014_x86_64", "--target", partial, *needed],
            check=True,
        )  # fmt: skip
        partial.rename(kept)
    shutil.copytree(kept, target, dirs_exist_ok=True)


def _configure(root: Path) -> None:
    etc = root / "etc"
    (etc / "hostname").write_text("guest\n")
    (etc / "hosts").write_text("127.0.0.1 localhost guest\n")
    (etc / "fstab").write_text("/dev/nvme0n1 / ext4 defaults,noatime 0 1\n")
    site = etc / "wolfguard-gateway"
    make_authority(site / "tls", (ADDRESS,))
    # as bootstrap makes it: the gateway's own keys are made there at the first start
    (site / "keys").mkdir()
    (site / "wolfguard.yml").write_text(yaml.safe_dump(SITE, sort_keys=False))
    for unit in (TREE / "systemd" / "wolfguard-gateway.service", HERE / "wolfguard-proof.service"):
        shutil.copy(unit, etc / "systemd" / "system")
    for folder, mode in (("lib", 700), ("log", 750)):
        inside(
            root, f"install -d -m {mode} -o wolfguard-sessiond -g wolfguard-sessiond /var/{folder}/wolfguard-gateway"
        )
    proof = root / PROOF
    shutil.copytree(HERE / "guest", proof)
    shutil.copy(site / "tls" / "ca.pem", proof)
    # a client that no domain of Debian's own policy waits for
    (proof / "bin").mkdir()
    shutil.copy(root / "usr/sbin/openconnect", proof / "bin")
    shutil.copy(HERE / "guest" / "probe.py", proof / "bin" / "probe")
    (proof / "bin" / "probe").chmod(0o755)
    shutil.copy(SCRIPT, proof)
    (proof / "attempts.json").write_text(_attempts())
    (proof / "unconfined.py").write_text(ENTER)
    inside(root, "systemctl -q enable wolfguard-gateway.service wolfguard-proof.service")
    inside(root, f"systemctl -q mask {' '.join(MASKED)}")


def _policy(root: Path) -> None:
    """Installs the product's module as people do, and the proof's; labels every file, which must be complete by now."""
    enforcing(root)
    tree = root / "root" / "wolfguard"
    tree.mkdir()
    shutil.copy(TREE / "bootstrap", tree)
    shutil.copytree(TREE / "selinux", tree / "selinux")
    shutil.copytree(HERE / "policy", root / "root" / "wolfguard_proof")
    inside(
        root,
        "cd /root && wolfguard/bootstrap selinux && make -s -C wolfguard_proof -f /usr/share/selinux/devel/Makefile"
        " wolfguard_proof.pp && semodule -n -i wolfguard_proof/wolfguard_proof.pp",
    )
    label(root)


if __name__ == "__main__":
    os.umask(0o022)
    print(*make(sys.argv[1]))
