# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine that boots one disk, does what its units say, and powers off.

Owns the command line of QEMU. The processor is emulated (no KVM): slow, and the same on every host. Without a network
of its own: what the machine has to say comes out of its second serial port, or over what `devices` adds.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "qemu-system-x86_64"
# Plain "max" has CX16, with which the kernel panics here; mitigations would cost an emulated kernel half its speed.
PROCESSOR = "max,-cx16"
KERNEL = (
    "console=ttyS0 root=/dev/nvme0n1 rw rootfstype=ext4 panic=-1 random.trust_cpu=on tsc=reliable "
    "security=selinux selinux=1 audit=1 audit_backlog_limit=8192"
)
FAST = "mitigations=off"


@dataclass(frozen=True, slots=True)
class Machine:
    """`folder` gets console.log and report.jsonl; the disks stay as they are. `words` are for the kernel, `devices` for
    QEMU; `once` means that it ends where it would boot again."""

    disk: Path
    kernel: Path
    folder: Path
    enforcing: bool = True
    more_disks: tuple[Path, ...] = ()
    words: str = FAST
    devices: tuple[str, ...] = ("-nic", "none")
    once: bool = True

    @property
    def console(self) -> Path:
        return self.folder / "console.log"

    @property
    def report(self) -> Path:
        return self.folder / "report.jsonl"

    def command(self) -> list[str]:
        disks = []
        for number, disk in enumerate((self.disk, *self.more_disks)):
            drive = f"file={disk},if=none,id=disk{number},format=raw,cache=unsafe,snapshot=on"
            disks += ["-drive", drive, "-device", f"nvme,drive=disk{number},serial=wolfguard{number}"]
        return [
            PROGRAM, "-accel", "tcg,thread=multi,tb-size=512", "-cpu", PROCESSOR, "-machine", "q35", "-smp", "2",
            "-m", "2048", "-nodefaults", "-display", "none", *(["-no-reboot"] if self.once else []), *self.devices,
            *disks, "-device", "virtio-rng-pci",
            "-serial", f"file:{self.console}", "-serial", f"file:{self.report}",
            "-kernel", str(self.kernel), "-append", f"{KERNEL} enforcing={int(self.enforcing)} {self.words}".rstrip(),
        ]  # fmt: skip

    def run(self, limit: float) -> float:
        """Until it powers off; returns the seconds. Raises TimeoutError after `limit` of them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL)
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"the machine still runs after {limit:.0f} s; its console: {self.console}") from None
        finally:
            process.kill()
            process.wait()
        return time.monotonic() - started
