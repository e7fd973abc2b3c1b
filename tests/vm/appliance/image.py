# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of the machine that the playbook is run against: Debian with SELinux enforcing, and an administrator.

Owns how they are made. What a compiler is needed for is done once in a chroot: bootstrap has installed the gateway, so
that in the machine, whose processor is emulated, it finds its work done. Everything else is left to the roles: none of
their services is installed, no setting, key, certificate or policy module made. Their packages lie in a folder that apt
reads, since the machine has no way to a mirror. The root, the build and the packages are cached apart.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.appliance import store
from tests.interop import roots
from tests.vm.disk import MASKED, enforcing, file_system, inside, kernel, label, remove

TREE = Path(__file__).resolve().parents[3]
CACHE = roots.CACHE.parent / "vm-appliance"
DISK_MEGABYTES = 6 * 1024
AUDIT_MEGABYTES = 256
NAME = "appliance-vm"
ADMINISTRATOR = "ada"
OUTSIDE, INSIDE = "203.0.113.1", "198.51.100.1"
HARDWARE = {"outside": "52:54:00:00:00:01", "inside": "52:54:00:00:00:02"}
# What an installation of Debian with SELinux has, and what ./bootstrap and its policy module need to build.
SYSTEM = ("grub2-common", "linux-image-cloud-amd64", "selinux-basics", "selinux-policy-default", "zstd", "lz4")
POLICY = ("checkpolicy", "m4", "make", "policycoreutils", "selinux-policy-dev", "semodule-utils")
# What ./bootstrap install reads: a change of any of it is another build.
SOURCES = (
    "bootstrap",
    "pyproject.toml",
    "README.md",
    "docs/man",
    "fips",
    "policies",
    "seccomp",
    "systemd",
    "wolfguard",
)
GRUB = """\
GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="security=selinux selinux=1 fips=1"
"""
NETWORK = """\
[Match]
MACAddress={hardware}
[Network]
Address={address}/24
IPv6AcceptRA=no
LinkLocalAddressing=no
"""


@dataclass(frozen=True, slots=True)
class Disks:
    """`key` is the administrator's; `host_key` the line by which ssh knows the machine."""

    system: Path
    audit: Path
    kernel: Path
    key: Path
    host_key: Path


def make(release: str) -> Disks:
    """Of a Debian release. Raises RuntimeError, CalledProcessError."""
    CACHE.mkdir(parents=True, exist_ok=True)
    base = roots.make(_root(release))
    built = _built(base, release)
    packages = store.archive(release)
    recipe = hashlib.sha256(Path(__file__).read_bytes() + Path(__file__).parents[1].joinpath("disk.py").read_bytes())
    name = hashlib.sha256(f"{built.name} {packages.name} {recipe.hexdigest()}".encode()).hexdigest()[:12]
    target = CACHE / f"disks-{release}-{name}"
    if not target.exists():
        partial, work = CACHE / f"disks-{release}.partial", CACHE / f"work-{release}"
        for each in (partial, work):
            remove(each)
        partial.mkdir()
        subprocess.run(["cp", "-a", "--reflink=auto", str(built), str(work)], check=True)
        shutil.copytree(packages, work / "srv" / "packages")
        _configure(work, partial)
        enforcing(work)
        label(work)
        file_system(work / "var/log/audit", partial / "audit.img", AUDIT_MEGABYTES)
        file_system(work, partial / "system.img", DISK_MEGABYTES)
        kernel(work, partial / "vmlinux")
        remove(work)
        for old in CACHE.glob(f"disks-{release}-*"):
            remove(old)
        partial.rename(target)
    names = ("system.img", "audit.img", "vmlinux", "administrator", "known_hosts")
    return Disks(*(target / each for each in names))


def _root(release: str) -> roots.Root:
    command = [str(TREE / "bootstrap"), "packages"]
    built_with = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return roots.Root(f"appliance-{release}", release, tuple(sorted({*store.FRESH, *built_with, *SYSTEM, *POLICY})))


def _built(base: Path, release: str) -> Path:
    """The root with the gateway as bootstrap leaves it, and no service of it switched on."""
    digest = hashlib.sha256(base.name.encode())
    for part in SOURCES:
        place = TREE / part
        for file in sorted([place] if place.is_file() else place.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(f"{file.relative_to(TREE)}\0".encode() + file.read_bytes())
    target = CACHE / f"built-{release}-{digest.hexdigest()[:12]}"
    if not target.exists():
        partial = CACHE / f"built-{release}.partial"
        remove(partial)
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(partial)], check=True)
        _bootstrap(partial, release)
        for old in CACHE.glob(f"built-{release}-*"):
            remove(old)
        partial.rename(target)
    return target


def _bootstrap(root: Path, release: str) -> None:
    tree, cache = root / "srv" / "tree", root / "var/cache/wolfguard-gateway"
    library = CACHE / f"wolfssl-{release}"
    shutil.copytree(store.wheels(release), root / "srv" / "wheels")
    (root / "etc" / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /srv/wheels\n")
    shutil.copytree(store.source(), cache / "source")
    if library.exists():
        shutil.copytree(library, cache / "wolfssl", symlinks=True)
    for part in (*SOURCES, "selinux"):
        (tree / part).parent.mkdir(parents=True, exist_ok=True)
        if (TREE / part).is_dir():
            shutil.copytree(TREE / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(TREE / part, tree / part)
    # as the role would: it finds the version there, complete and in use
    place = "/opt/wolfguard-gateway/versions/$(./bootstrap version)"
    inside(root, f"cd /srv/tree && export WOLFGUARD_PREFIX={place} && ./bootstrap build && ./bootstrap activate")
    remove(library)
    shutil.copytree(cache / "wolfssl", library, symlinks=True)
    for each in (tree, root / "srv" / "wheels", cache / "build"):
        remove(each)


def _configure(root: Path, folder: Path) -> None:
    etc = root / "etc"
    (etc / "hostname").write_text(f"{NAME}\n")
    (etc / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {NAME}\n")
    (etc / "resolv.conf").write_text("")
    (etc / "apt" / "sources.list").write_text("deb [trusted=yes] file:/srv/packages ./\n")
    # as on a machine that has never asked its mirrors: by this time Ansible decides whether to ask them
    os.utime(root / "var/lib/apt/lists", (0, 0))
    # GRUB as an installation leaves it; QEMU boots the kernel by itself, so it only writes its menu
    (etc / "default" / "grub").write_text(GRUB)
    (root / "boot" / "grub").mkdir()
    # the audit system's log has a file system of its own, which no role could make
    (root / "var/log/audit").mkdir(mode=0o750)
    (etc / "fstab").write_text(
        "/dev/nvme0n1 / ext4 defaults,noatime 0 1\n"
        "/dev/nvme1n1 /var/log/audit ext4 nodev,nosuid,noexec,noatime 0 2\n"
    )  # fmt: skip
    for name, address in (("outside", OUTSIDE), ("inside", INSIDE)):
        text = NETWORK.format(hardware=HARDWARE[name], address=address)
        (etc / "systemd" / "network" / f"10-{name}.network").write_text(text)
    _administrator(root, folder)
    inside(
        root,
        "systemd-machine-id-setup && systemctl -q enable systemd-networkd ssh"
        f" && systemctl -q mask systemd-networkd-wait-online.service {' '.join(MASKED)}",
    )


def _administrator(root: Path, folder: Path) -> None:
    """An account with a key and sudo, as the guide asks for, and the machine's own key for who logs in."""
    key = folder / "administrator"
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-b", "384", "-N", "", "-C", "", "-f", str(key)], check=True)
    place = root / "home" / ADMINISTRATOR / ".ssh"
    inside(root, f"useradd -m -s /bin/bash {ADMINISTRATOR} && install -d -m 700 /home/{ADMINISTRATOR}/.ssh")
    shutil.copy(key.with_suffix(".pub"), place / "authorized_keys")
    inside(root, f"chown -R {ADMINISTRATOR}: /home/{ADMINISTRATOR}/.ssh && ssh-keygen -A")
    sudo = root / "etc" / "sudoers.d" / ADMINISTRATOR
    sudo.write_text(f"{ADMINISTRATOR} ALL=(ALL) NOPASSWD: ALL\n")
    sudo.chmod(0o440)
    kind, public, *_ = (root / "etc/ssh/ssh_host_ecdsa_key.pub").read_text("ascii").split()
    (folder / "known_hosts").write_text(f"{INSIDE} {kind} {public}\n")


if __name__ == "__main__":
    os.umask(0o022)
    print(yaml.safe_dump({name: str(getattr(make("trixie"), name)) for name in Disks.__slots__}))
