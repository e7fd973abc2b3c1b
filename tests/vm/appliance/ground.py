# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine between two networks: clients outside, and inside the administrator with the site's servers.

    client 203.0.113.2 ── 203.0.113.1 the machine 198.51.100.1 ── 198.51.100.2 administrator, clock, collector

Owns the namespaces, the life of QEMU and of the servers beside it, and commands over ssh. The machine's network cards
are TAP devices, each in the namespace of whoever is at its other end. Must not know what is proved.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.interop import roots
from tests.vm.appliance.image import ADMINISTRATOR, HARDWARE, INSIDE, OUTSIDE, Disks
from tests.vm.machine import Machine
from wolfguard.errors import LocalError
from wolfguard.linux.namespace import Namespace

CLIENT, SITE = Namespace("wgvm-client"), Namespace("wgvm-site")
CLIENT_ADDRESS, SITE_ADDRESS = "203.0.113.2", "198.51.100.2"
POOL = "10.99.0.0/16"
BOOT_SECONDS = 300.0
# Nothing of the emulated processor's own weaknesses is hidden: mitigations stay on, as on a machine of a site.
WORDS = "fips=1"
# The site's clock and its collector of records: Debian's own chronyd and rsyslogd.
PEERS = roots.Root("site-trixie", "trixie", ("chrony", "rsyslog", "rsyslog-relp", "procps", "iproute2"))
CHRONY = "local stratum 8\nallow 198.51.100.0/24\ncmdport 0\npidfile {folder}/chronyd.pid\ndriftfile {folder}/drift\n"


@dataclass(frozen=True, slots=True)
class Ground:
    """`folder` holds the console, the logs of the servers and what Ansible keeps."""

    disks: Disks
    folder: Path

    def machine(self) -> Machine:
        cards = []
        for name in ("outside", "inside"):
            cards += [
                "-netdev", f"tap,id={name},ifname={name},script=no,downscript=no",
                "-device", f"virtio-net-pci,netdev={name},mac={HARDWARE[name]},romfile=",
            ]  # fmt: skip
        return Machine(
            self.disks.system, self.disks.kernel, self.folder, more_disks=(self.disks.audit,), words=WORDS,
            devices=tuple(cards), once=False,
        )  # fmt: skip

    def ssh(self) -> list[str]:
        """The words before a command on the machine; it asks by the very key that the disk was made with."""
        options = {
            "IdentityFile": self.disks.key, "IdentitiesOnly": "yes", "UserKnownHostsFile": self.disks.host_key,
            "GlobalKnownHostsFile": "/dev/null", "StrictHostKeyChecking": "yes",
            "HostKeyAlgorithms": "ecdsa-sha2-nistp256", "BatchMode": "yes",
            "ConnectTimeout": 20, "ServerAliveInterval": 15, "LogLevel": "ERROR",
        }  # fmt: skip
        return ["ssh", "-F", "none", *(f"-o{name}={value}" for name, value in options.items())]

    def ask(self, command: str, stdin: str | None = None) -> str:
        """What root gets for a line of shell on the machine. Raises LocalError."""
        words = [*self.ssh(), f"{ADMINISTRATOR}@{INSIDE}", "sudo", "sh", "-c", f"'{command}'"]
        result = subprocess.run(SITE.inside(words), input=stdin, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise LocalError(
                f"{command}: exit code {result.returncode}: {result.stderr[-2000:]}{result.stdout[-2000:]}"
            )
        return result.stdout

    def wait_booted(self, other_than: str = "") -> str:
        """Until ssh answers from a boot that is not `other_than`; returns that boot's id. Raises TimeoutError."""
        found = ""

        def booted() -> bool:
            nonlocal found
            with contextlib.suppress(LocalError):
                found = self.ask("cat /proc/sys/kernel/random/boot_id").strip()
            return bool(found) and found != other_than

        wait(booted, f"the machine boots; its console: {self.folder / 'console.log'}", BOOT_SECONDS)
        return found


def wait(condition: Callable[[], bool], what: str, limit: float) -> None:
    """Asks twice a second. Raises TimeoutError."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {limit:g} s: {what}")
        time.sleep(0.5)


@contextlib.contextmanager
def booted(ground: Ground, collector: Sequence[str]) -> Iterator[None]:
    """The networks, the site's servers and the machine, for as long as the block lasts. `collector` is the command of
    the collector of records, inside the root of PEERS, where /mnt is the ground's folder."""
    ground.folder.mkdir(parents=True, exist_ok=True)
    started: list[subprocess.Popen[bytes]] = []

    def start(words: Sequence[str], name: str) -> None:
        with (ground.folder / f"{name}.log").open("wb") as log:
            started.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    try:
        for namespace in (CLIENT, SITE):
            namespace.add()
        # both cards are made where QEMU runs, and one goes over to the site
        start(CLIENT.inside(ground.machine().command()), "qemu")
        wait(lambda: started[0].poll() is not None or _cards() == {"outside", "inside"}, "QEMU makes its cards", 60)
        if started[0].poll() is not None:
            raise LocalError(f"QEMU ended: {(ground.folder / 'qemu.log').read_text(errors='replace')[-2000:]}")
        CLIENT.run("ip", "link", "set", "inside", "netns", SITE.name)
        for namespace, device, address in ((CLIENT, "outside", CLIENT_ADDRESS), (SITE, "inside", SITE_ADDRESS)):
            namespace.run("ip", "link", "set", device, "up")
            namespace.address(device, f"{address}/24")
        CLIENT.route("default", OUTSIDE)
        SITE.route(POOL, INSIDE)
        inside = _beside(roots.make(PEERS), ground.folder)
        start(SITE.inside([*inside, "sh", "-c", _clock(), "clock"]), "clock")
        start(SITE.inside([*inside, *collector]), "collector")
        yield
    finally:
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for namespace in (CLIENT, SITE):
            namespace.delete()


def _beside(root: Path, folder: Path) -> list[str]:
    """The words before a command that run it in the root with the folder as /mnt."""
    script = f'mount --make-rprivate / && mount --bind {folder} {root}/mnt && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "beside", *roots.enter(root)]


def _cards() -> set[str]:
    found = CLIENT.run("ip", "-o", "link", "show", "type", "tun").splitlines()
    return {line.split(": ")[1].split("@")[0] for line in found}


def _clock() -> str:
    """chronyd that hands out this machine's time and touches nobody's clock. Its /run goes with it."""
    text = CHRONY.format(folder="/run")
    return f"printf '%s' '{text}' >/run/chrony.conf && exec chronyd -d -x -u root -f /run/chrony.conf"
