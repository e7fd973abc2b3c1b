# SPDX-License-Identifier: GPL-3.0-or-later
"""A root file system becomes a disk that boots: files get labels, a file system is made of them, the kernel taken out.

Must not know what is installed. All of it happens in a chroot or beside it: no loop device, no second boot.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.interop import roots

# What starts by itself on Debian and has no place in a machine without a console whose life is minutes.
MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
    "fstrim.timer", "getty@tty1.service", "serial-getty@ttyS0.service", "selinux-autorelabel.service",
    "systemd-network-generator.service",
)  # fmt: skip


def enforcing(root: Path) -> None:
    """SELinux enforces from the first boot on, and none is spent on labels: label() sets them."""
    config = root / "etc/selinux/config"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("SELINUX=")]
    config.write_text("\n".join([*lines, "SELINUX=enforcing", ""]))
    for name in (".autorelabel", "initrd.img", "initrd.img.old", "vmlinuz.old"):
        # links that lead nowhere have no label to set
        (root / name).unlink(missing_ok=True)


def file_system(folder: Path, disk: Path, megabytes: int) -> None:
    """A disk that is one file system with the folder's files, their labels among them. Raises CalledProcessError."""
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", folder, disk, f"{megabytes}M"], check=True)


def label(root: Path) -> None:
    """Sets the label of every file, below no mount but /proc, through which older releases of setfiles name files."""
    script = (
        f"mount --make-rprivate / && mount -t proc proc {root}/proc &&"
        # -m: this machine's mounts know no labels, and all of them would be left out for that
        f" exec chroot {root} setfiles -F -m -e /proc /etc/selinux/default/contexts/files/file_contexts /"
    )
    result = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"files could not be labelled: {result.stderr[-3000:]}")


def kernel(root: Path, target: Path) -> None:
    """The kernel without its own decompressor, which an emulated processor would take seconds for."""
    (image,) = (root / "boot").glob("vmlinuz-*")
    data = image.read_bytes()
    for magic, program in ((b"\x28\xb5\x2f\xfd", ["zstd", "-dcq"]), (b"\x02\x21\x4c\x18", ["lz4", "-dcq"])):
        start = -1
        while (start := data.find(magic, start + 1)) >= 0:
            found = subprocess.run(
                ["chroot", root, *program], input=data[start:], capture_output=True, check=False
            ).stdout
            if found.startswith(b"\x7fELF"):
                target.write_bytes(found)
                return
    raise RuntimeError(f"{image} holds no kernel compressed with zstd or lz4")


def inside(root: Path, script: str) -> None:
    command = [*roots.enter(root), "/bin/sh", "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"in the machine's root: {script}\n{result.stdout[-3000:]}{result.stderr[-3000:]}")


def remove(path: Path) -> None:
    subprocess.run(["rm", "-rf", "--one-file-system", str(path)], check=True)
