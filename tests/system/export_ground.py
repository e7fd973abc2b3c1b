# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped configuration of rsyslog at both ends, the gateway's and a collector's, in a root file system of Debian.

Owns the life of the daemons, their namespace, and the trail that one of them sends and the other collects."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.interop import roots
from tests.interop.radius import pki
from tests.system.whole_gateway import until
from tests.unit.records.trails import Key, Maker, digest
from wolfguard.linux.namespace import Namespace
from wolfguard.records.verifier import Report, Verifier

TREE = Path(__file__).resolve().parents[2]
PACKAGES = ("rsyslog", "rsyslog-relp", "procps", "iproute2")
RELEASES = {name: roots.Root(f"syslog-{name}", name, PACKAGES) for name in ("bookworm", "trixie")}
COLLECTOR, GATEWAY, STRANGER = "collector.example.test", "gateway.example.test", "stranger.example.test"
LIMIT = 120.0
MACHINE = """module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{socket}")
"""
"""As Debian's rsyslog.conf has it, with a socket of the test in the place of the machine's."""


@dataclass
class Daemon:
    """One rsyslogd in a root, with the shipped files `names` adapted by `words`; `before` them what a machine has."""

    ground: Ground
    names: tuple[str, ...]
    words: dict[str, str]
    before: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        return self.ground.folder / self.names[0]

    def write(self) -> None:
        text = "".join((TREE / "rsyslog" / name).read_text() for name in self.names)
        for old, new in {**self.words, "collector.example.org": COLLECTOR, "gateway.example.org": GATEWAY}.items():
            assert old in text or old.endswith("example.org"), old
            text = text.replace(old, new)
        spool = self.ground.inside(self.folder / "spool")
        (self.folder / "spool").mkdir(parents=True, exist_ok=True)
        (self.folder / "rsyslog.conf").write_text(f'global(workDirectory="{spool}")\n{self.before}{text}')

    def command(self, *options: str) -> list[str]:
        configuration, pid = (self.ground.inside(self.folder / name) for name in ("rsyslog.conf", "pid"))
        words = ["rsyslogd", "-n", "-f", configuration, "-i", pid, *options]
        return self.ground.namespace.inside([*roots.enter(self.ground.root), *words])

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        (self.folder / "pid").unlink(missing_ok=True)


@dataclass
class Ground:
    """A folder inside the root that holds everything of one test; both daemons are in one network namespace."""

    root: Path
    folder: Path
    namespace: Namespace
    maker: Maker
    daemons: list[Daemon] = field(default_factory=list)
    written: int = 0

    def inside(self, path: Path) -> str:
        return f"/{path.relative_to(self.root)}"

    @property
    def source(self) -> Path:
        return self.folder / "gateway" / "records.jsonl"

    @property
    def collected(self) -> list[str]:
        files = list((self.folder / "collected").glob("*.jsonl"))
        assert len(files) <= 1, "one gateway, one file"
        return files[0].read_text().splitlines() if files else []

    @property
    def socket(self) -> Path:
        """Where the machine's programs say what they have to say."""
        return self.folder / "gateway" / "log"

    @property
    def said(self) -> list[str]:
        """What the collector has of the machine: RFC 5424, a line each."""
        file = self.folder / "collected" / "127.0.0.1.log"
        return file.read_text().splitlines() if file.exists() else []

    def emit(self, count: int) -> None:
        """So many more records of the trail and a checkpoint."""
        self.maker.event(count).checkpoint()
        self.write()

    def write(self) -> None:
        """What the maker has made since, as the gateway's sink writes it."""
        with self.source.open("a") as file:
            for text in self.maker.texts[self.written :]:
                file.write(f"{text}\n")
                file.flush()
        self.written = len(self.maker.texts)

    def arrived(self) -> bool:
        return bool(self.collected) and self.collected[-1] == self.maker.texts[-1]

    def log(self) -> str:
        return "\n".join((daemon.folder / "log").read_text(errors="replace")[-2000:] for daemon in self.daemons)

    def wait(self, what: str) -> None:
        try:
            until(self.arrived, what, LIMIT)
        except AssertionError as error:
            raise AssertionError(f"{error}: {len(self.collected)} of {self.written}\n{self.log()}") from None


MakeExport = Callable[..., tuple[Ground, Daemon, Daemon]]


@pytest.fixture(params=RELEASES)
def make_export(request: pytest.FixtureRequest) -> Iterator[MakeExport]:
    root = roots.make(RELEASES[request.param])
    folder = root / "srv" / f"wolfguard-{os.getpid()}"
    namespace = Namespace(f"wgs{os.getpid()}-{request.param}"[:15])
    made: list[Ground] = []

    def ground(client: str = GATEWAY, *, machine: bool = False) -> tuple[Ground, Daemon, Daemon]:
        shutil.rmtree(folder, ignore_errors=True)
        namespace.delete()
        namespace.add()
        place = Ground(root, folder, namespace, Maker(Key()))
        made.append(place)
        keys(folder, client)
        (folder / "gateway").mkdir()
        server = Daemon(
            place,
            ("collector.conf",),
            {
                "/etc/wolfguard-collector": place.inside(folder / "pki"),
                "/var/log/wolfguard-collected": place.inside(folder / "collected"),
            },
        )
        sender = Daemon(
            place,
            ("60-wolfguard-records.conf", *(["61-wolfguard-machine.conf"] if machine else [])),
            {
                "/etc/wolfguard-gateway/collector": place.inside(folder / "pki"),
                "/var/log/wolfguard-gateway": place.inside(folder / "gateway"),
                'target="collector.example.org"': 'target="127.0.0.1"',
                'action.resumeInterval="5" action.resumeIntervalMax="60"': 'action.resumeInterval="1"',
            },
            MACHINE.format(socket=place.inside(place.socket)) if machine else "",
        )
        place.daemons += [server, sender]
        for daemon in place.daemons:
            daemon.write()
        return place, server, sender

    yield ground
    for each in made:
        for daemon in each.daemons:
            daemon.end(signal.SIGKILL)
    namespace.delete()
    shutil.rmtree(folder, ignore_errors=True)


def keys(folder: Path, client: str) -> None:
    pki.make(COLLECTOR, client).lay_ends(folder / "pki", "collector", "gateway")


def verified(place: Ground) -> Report:
    key = place.maker.key
    verifier = Verifier(digest, {key.fingerprint: key.verify})
    for text in place.collected:
        verifier.take(text)
    return verifier.finish()
