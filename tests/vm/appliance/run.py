# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible roles on a machine of its own kernel: `./bootstrap test --vm --appliance`.

Owns the order of the proof and its judgement. The playbook as it is turns the machine into the gateway over ssh, and
changes nothing the second time; the machine is booted; a client from outside logs in and reaches the site; the site's
collector has the gateway's records; SELinux has denied nothing that is not Debian's own; and the machine's own audit
has no failed rule that is not accepted by name in accepted.yml. Nearly all of the time goes into an emulated processor.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from tests.interop.radius import pki
from tests.vm.appliance.ground import BOOT_SECONDS, CLIENT, SITE, Ground, booted, wait
from tests.vm.appliance.image import CACHE, INSIDE, NAME, OUTSIDE, TREE, make
from tests.vm.disk import remove
from wolfguard.cli.demo.client import Client, ClientError
from wolfguard.errors import LocalError
from wolfguard.policy.rules import read_rules

HERE = Path(__file__).parent
COLLECTOR, GATEWAY = "collector.example.test", "gateway.example.test"
SERVER, USER, PASSWORD = "vpn.example.org", "alice", "correct horse battery staple"
# The account of the audits, and its file, which the inventory has the gateway's role put there.
AUDITOR, LOGIN = "auditor", "/etc/wolfguard-gateway/secrets/auditor.yml"
BOOT_WORDS = "audit=1 audit_backlog_limit=8192"
SITE_HOST = "198.51.100.2"
PLAY_SECONDS = 2400.0
CLIENT_SECONDS = 120.0
RECORD_SECONDS = 120.0
# What is said by then: the administrator's command, and by auditd's plugin a record of the kernel's.
MACHINE_SAYS = (r"sudo \S+ ", r"\S+ \S+ .*type=\w+ msg=audit")
Claim = tuple[str, bool, str]


@dataclass(frozen=True, slots=True)
class Play:
    """One run of the playbook: what Ansible counted, and the seconds."""

    ok: int
    changed: int
    failed: int
    seconds: float
    output: str

    @property
    def words(self) -> str:
        return f"ok {self.ok}, changed {self.changed}, failed {self.failed}, {self.seconds:.0f} s"


def prove(ground: Ground) -> Iterator[Claim]:
    """What is claimed, whether it holds, and what was seen. Raises LocalError, TimeoutError where it cannot go on."""
    begun = time.monotonic()
    boot = ground.wait_booted()
    yield "the machine boots", True, f"{time.monotonic() - begun:.0f} s until ssh answers"
    yield "SELinux enforces, the kernel is in FIPS mode", *modes(ground)
    # before the gateway runs nobody can have an account there: what only a session shows is decided from the second on
    unseen = [rule.id for rule in read_rules() if rule.observe.look.probe == "session"]
    first = play(ground, "first", verify_login="", verify_undecided=[*accepted()["undecided"], *unseen])
    yield "the playbook turns it into the gateway", first.failed == 0, first.words
    if first.failed:
        yield "what Ansible says", False, first.output[-6000:]
        return
    menu = ground.ask(f'grep -c "linux.* {BOOT_WORDS}" /boot/grub/grub.cfg || true')
    yield "GRUB has what the next boot gives the kernel", int(menu) > 0, f"{BOOT_WORDS} in {menu.strip()} entries"
    ground.ask(f"wolfguard user add {AUDITOR} --password-stdin", secret(ground) + "\n")
    second = play(ground, "second")
    yield "a second run changes nothing", (second.failed, second.changed) == (0, 0), second.words
    if second.changed or second.failed:
        changes = re.findall(r"TASK .*\n(?:.*\n)?changed:.*", second.output)
        yield "what Ansible says", False, "\n".join([*changes, second.output[-6000:]])
    yield from booted_again(ground, boot)


def booted_again(ground: Ground, boot: str) -> Iterator[Claim]:
    """What holds of a machine that has come up by itself, after the boot with that id."""
    ground.ask("(sleep 1; systemctl reboot) >/dev/null 2>&1 &")
    begun = time.monotonic()
    ground.wait_booted(boot)
    ground.ask(f'timeout {BOOT_SECONDS:.0f} sh -c "until wolfguard status >/dev/null; do sleep 1; done"')
    yield "it serves again after a boot", True, f"{time.monotonic() - begun:.0f} s"
    yield "SELinux enforces, the kernel is in FIPS mode, after a boot", *modes(ground)
    yield from traffic(ground)
    yield from records(ground)
    yield from audit(ground)
    yield from denials(ground)


def modes(ground: Ground) -> tuple[bool, str]:
    asked = (
        "cat /sys/fs/selinux/enforce",
        "cat /proc/sys/crypto/fips_enabled",
        'grep -c "selftest.*passed" /proc/crypto',
        "uname -r",
    )
    enforce, fips, passed, release = ground.ask(f"echo {' '.join(f'$({each})' for each in asked)}").split()
    right = (enforce, fips) == ("1", "1") and int(passed) > 0
    return right, f"kernel {release}, {passed} algorithms with a self-test passed"


def play(ground: Ground, name: str, **others: object) -> Play:
    """Runs site.yml from the site's network, with these variables in place of the inventory's. Its output goes to a
    file of that name too."""
    variables = {
        "folder": str(ground.folder),
        "ssh_words": " ".join(ground.ssh()[1:]),
        "ansible_ssh_private_key_file": str(ground.disks.key),
        "auditor": {"user": AUDITOR, "secrets": [secret(ground)]},
        **others,
    }
    given = ground.folder / f"play-{name}.json"
    given.touch(mode=0o600)
    given.write_text(json.dumps(variables))
    program = Path(sys.prefix) / "molecule" / "bin" / "ansible-playbook"
    command = [str(program), "-i", str(HERE / "inventory"), "-e", f"@{given}", "site.yml"]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(TREE / "ansible" / "ansible.cfg")}
    begun = time.monotonic()
    log = ground.folder / f"play-{name}.log"
    with log.open("w") as stream:
        subprocess.run(
            SITE.inside(command), cwd=TREE / "ansible", env=environment, stdin=subprocess.DEVNULL, stdout=stream,
            stderr=subprocess.STDOUT, check=False, timeout=PLAY_SECONDS,
        )  # fmt: skip
    output = log.read_text("utf-8", "replace")
    found = re.search(rf"{NAME}\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", output)
    ok, changed, unreachable, failed = (int(number) for number in found.groups()) if found else (0, 0, 0, 1)
    return Play(ok, changed, unreachable + failed, time.monotonic() - begun, output)


def traffic(ground: Ground) -> Iterator[Claim]:
    """A stock client, from the outside network, by the name in the certificate."""
    ground.ask(f"wolfguard user add {USER} --password-stdin", PASSWORD + "\n")
    client = Client(
        CLIENT, f"https://{SERVER}", ground.folder / "pki" / f"{NAME}-ca.pem", USER, (PASSWORD,),
        options=(f"--resolve={SERVER}:{OUTSIDE}", "--form-entry=consent:consent=accept"),
    )  # fmt: skip
    try:
        address = client.connect(CLIENT_SECONDS)
        sessions = json.loads(ground.ask("wolfguard sessions --json"))
        yield "a client from outside logs in", address.startswith("10.99."), f"{address}; {_said(client)}"
        words = ["ping", "-n", "-c", "40", "-i", "0.05", "-w", "60", SITE_HOST]
        said = subprocess.run(CLIENT.inside(words), capture_output=True, text=True, check=False).stdout
        yield "and reaches the site through the tunnel", " 0% packet loss" in said, _last(said, "packets transmitted")
        yield "the gateway knows it", USER in json.dumps(sessions), ""
    finally:
        client.stop()


def _said(client: Client) -> str:
    return next((line for line in client.output if "Connected to HTTPS" in line), "").strip()


def _last(text: str, words: str) -> str:
    return next((line for line in text.splitlines() if words in line), text[-500:])


def records(ground: Ground) -> Iterator[Claim]:
    """What the collector has is a trail that the gateway's key vouches for, the client's session in it."""
    trail = collected(ground) / f"{NAME}.jsonl"
    wanted, seen = {"login.succeeded", "tunnel.opened", "session.ended"}, set[str]()

    def arrived() -> bool:
        if trail.exists():
            # the newest line may be under way
            entries = [json.loads(line) for line in trail.read_text("utf-8").split("\n")[:-1]]
            seen.update(each["event"] for each in entries if each["who"] == USER)
        return seen >= wanted

    with contextlib.suppress(TimeoutError):
        wait(arrived, "the collector has records", RECORD_SECONDS)
    yield "the collector has the client's session", seen >= wanted, " ".join(sorted(seen))
    key = ground.folder / "checkpoint.pub"
    key.write_text(ground.ask("cat /etc/wolfguard-gateway/keys/checkpoint.pub"))
    command = [str(Path(sys.prefix) / "bin" / "wolfguard"), "records", "verify", "--key", str(key)]
    told = subprocess.run([*command, str(trail)], capture_output=True, text=True, check=False)
    yield "its trail is whole, and the gateway's key has signed it", told.returncode == 0, _last(told.stdout, "verdict")
    log, said = collected(ground) / f"{INSIDE}.log", ""

    def told_too() -> bool:
        nonlocal said
        said = log.read_text("utf-8", "replace") if log.exists() else ""
        return all(re.search(rf"^<\d+>1 \S+ {NAME} {each}", said, re.MULTILINE) for each in MACHINE_SAYS)

    with contextlib.suppress(TimeoutError):
        wait(told_too, "the collector has the machine's log", RECORD_SECONDS)
    yield "it has what the machine says, its audit system too", told_too(), f"{said.count(chr(10))} lines"


def audit(ground: Ground) -> Iterator[Claim]:
    """The report that role verify fetched is of the second run; this one is of the machine as it has booted."""
    begun = time.monotonic()
    ground.ask(f"wolfguard audit run --profile default --login {LOGIN} --fail-on never --output /var/tmp/audit")
    result = json.loads(ground.ask("cat /var/tmp/audit/result.json"))
    (ground.folder / "result.json").write_text(json.dumps(result, indent=1))
    by_state: dict[str, list[str]] = {}
    for finding in result["findings"]:
        by_state.setdefault(finding["state"], []).append(finding["rule"])
    counts = ", ".join(f"{state} {len(rules)}" for state, rules in sorted(by_state.items()))
    for state, named in (("fail", accepted()["waived"]), ("error", accepted()["undecided"])):
        found = sorted(by_state.get(state, []))
        yield (
            f"audit: every {state} has its reason in the scenario",
            found == sorted(named),
            "\n".join([f"{counts}; {time.monotonic() - begun:.0f} s", *sorted({*found} ^ {*named})]),
        )


def denials(ground: Ground) -> Iterator[Claim]:
    """All that the audit system has written since the machine has booted, of whatever program: none of the gateway's,
    and of Debian's own programs those that Debian's policy denies them on every machine."""
    said = ground.ask("ausearch --input-logs --raw -m AVC,USER_AVC,SELINUX_ERR -ts boot || true")
    # before the type stands the machine's name, once auditd has its settings
    lines = [line for line in said.splitlines() if re.search(r"\btype=(USER_AVC|AVC|SELINUX_ERR)\b", line)]
    ours = [line for line in lines if "wolfguard" in line]
    yield "SELinux denies nothing to or of the gateway", not ours, "\n".join(ours)
    found = {_denied(line): line for line in lines if line not in ours}
    strange = sorted(found.keys() - accepted()["denied"].keys())
    yield (
        "SELinux denies nothing else that is not Debian's own",
        not strange,
        "\n".join(found[each] for each in strange),
    )


def _denied(line: str) -> str:
    """Who was denied what, as accepted.yml has it: domain, type and class."""
    match = re.search(r"scontext=\w+:\w+:(\w+).* tcontext=\w+:\w+:(\w+).* tclass=(\w+)", line)
    return " ".join(match.groups()) if match else line


def accepted() -> dict[str, dict[str, str]]:
    """What the machine may say, by kind: name and reason."""
    found: dict[str, dict[str, str]] = yaml.safe_load((HERE / "accepted.yml").read_text("utf-8"))
    return found


def secret(ground: Ground) -> str:
    """The test account's password: of this ground, in a file of its own."""
    file = ground.folder / "auditor"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text()


def collected(ground: Ground) -> Path:
    return ground.folder / "collected"


def lay(ground: Ground) -> None:
    """What the controller has before the first run: certificates towards the collector, and what is waived."""
    pki.make(COLLECTOR, GATEWAY).lay_ends(ground.folder / "collector", "collector", "gateway")
    end = (datetime.now(UTC) + timedelta(30)).date()
    entries = [
        {"rule": rule, "justification": reason, "approver": "the scenario", "expires": end}
        for rule, reason in accepted()["waived"].items()
    ]
    (ground.folder / "waivers.yml").write_text(yaml.safe_dump({"waivers": entries}))


def collector(ground: Ground) -> list[str]:
    """The shipped configuration of a collector with the names of this ground; the command that starts it."""
    text = (TREE / "rsyslog" / "collector.conf").read_text("utf-8")
    for old, new in {
        "collector.example.org": COLLECTOR,
        "gateway.example.org": GATEWAY,
        "/etc/wolfguard-collector": "/mnt/collector",
        "/var/log/wolfguard-collected": "/mnt/collected",
    }.items():
        text = text.replace(old, new)
    (ground.folder / "collector.conf").write_text(text)
    return ["rsyslogd", "-n", "-f", "/mnt/collector.conf", "-i", "/run/collector.pid"]


def main(release: str) -> int:
    begun = time.monotonic()
    disks = make(release)
    print(f"the disks are made: {time.monotonic() - begun:.0f} s", flush=True)
    ground = Ground(disks, CACHE / f"last-{release}")
    remove(ground.folder)
    lay(ground)
    wrong = 0
    begun = time.monotonic()
    try:
        with booted(ground, collector(ground)):
            for name, right, detail in prove(ground):
                wrong += not right
                print(f"{'ok    ' if right else 'FAILED'}  {name}{': ' + detail if detail else ''}", flush=True)
    except (LocalError, ClientError, TimeoutError) as error:
        wrong += 1
        print(f"FAILED  {error}")
    print(
        f"{wrong} claims failed; {time.monotonic() - begun:.0f} s; what the machine and Ansible said: {ground.folder}"
    )
    return 1 if wrong else 0
