# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit run --host ssh://...` of a real gateway behind a real ssh server: the same verdicts as beside it,
its signature, no secret, and every way in which a machine can fail to be looked at is an error with its name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import PASSWORD, Field
from tests.system import secrets_in, ssh_ground
from tests.system.ssh_ground import Server
from wolfguard.linux.namespace import Topology
from wolfguard.policy.controls import read_audit_profile

COMMAND = [sys.executable, "-I", "-m", "wolfguard.cli"]
RULES = {rule.id for rule in read_audit_profile("gateway").rules}
PORT = 2222
# other gateways come and go on a machine that tests
BY_MACHINE = {"confinement/no-strangers"}
UNTIL = 90.0


@pytest.fixture(scope="module")
def gateway(make_gateway: Callable[..., Field]) -> Field:
    made = make_gateway()
    made.add_user("alice")
    return made


@pytest.fixture
def gw1(gateway: Field, tmp_path: Path) -> Iterator[Server]:
    with ssh_ground.server("gw1", gateway.topology.gateway, Topology.GATEWAY_V4, PORT, tmp_path / "gw1") as found:
        yield found


@pytest.fixture
def gw2(gateway: Field, tmp_path: Path) -> Iterator[Server]:
    with ssh_ground.server("gw2", gateway.topology.gateway, Topology.GATEWAY_V4, PORT + 1, tmp_path / "gw2") as found:
        yield found


def words(field: Field, *more: str, profile: str = "gateway") -> list[str]:
    command = [*COMMAND, "--socket", str(field.site.control), "audit", "run", "--profile", profile, "--json"]
    return [*command, "--fail-on", "never", *more]


def audit(field: Field, command: list[str], *, from_client: bool = True) -> dict[str, Any]:
    side = field.topology.client if from_client else field.topology.gateway
    result = subprocess.run(side.inside(command), check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def over(*servers: Server) -> list[str]:
    """Options. The configurations of several servers are read as one."""
    first = servers[0]
    joint = first.folder / "joint"
    joint.write_text("".join(each.config.read_text() for each in servers))
    hosts = [word for each in servers for word in ("--host", f"ssh://{each.name}")]
    return [*hosts, "--ssh-config", str(joint), "--prefix", sys.prefix]


def states(result: dict[str, Any]) -> dict[str, str]:
    return {each["rule"]: each["state"] for each in result["findings"]}


def calm(result: dict[str, Any]) -> dict[str, str]:
    """Rules that do not dial the listener: two sweeps at once can meet its limits, since it is one gateway."""
    areas = ("build/", "confinement/", "fips/", "network/")
    return {rule: state for rule, state in states(result).items() if rule.startswith(areas) and rule not in BY_MACHINE}


def test_it_says_what_is_said_beside_it(gateway: Field, gw1: Server) -> None:
    """Every rule of the default profile, the whole machine and the sweep over the network."""
    beside = audit(gateway, words(gateway, profile="default"), from_client=False)
    far = audit(gateway, words(gateway, *over(gw1), profile="default"))
    assert far["place"] == "gw1"
    different = {rule: state for rule, state in states(far).items() if state != states(beside)[rule]}
    assert set(different) <= BY_MACHINE, different
    assert {"pass", "fail"} <= set(states(far).values())
    observed = {each["rule"]: each["observed"] for each in beside["findings"] if each["state"] == "pass"}
    assert len(observed) > 80
    swept = [each for each in far["findings"] if each["look"]["probe"] == "handshake"]
    assert {each["state"] for each in swept} == {"pass"}
    assert all(Topology.GATEWAY_V4 in each["source"] for each in swept)


def test_its_own_gateway_signs_and_no_secret_is_kept(gateway: Field, gw1: Server, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    command = words(gateway, *over(gw1), "--output", str(folder), profile="default")
    audit(gateway, command)
    key = gateway.site.folder / "keys" / "evidence.pub"
    verify = [*COMMAND, "audit", "verify", str(folder), "--key", str(key), "--json"]
    result = subprocess.run(verify, check=False, capture_output=True, text=True)
    assert (result.returncode, json.loads(result.stdout)["verdict"]) == (0, "sound")
    assert gateway.recorded("admin.evidence-signed")
    parts = {each["name"] for each in json.loads((folder / "sbom.cdx.json").read_bytes())["components"]}
    assert {"libwolfssl", "libnftables1"} <= parts, "of the processes of that machine"
    secrets = {"password": PASSWORD.encode()}
    pki = gateway.site.folder
    for name in ("keys/evidence.key", "keys/checkpoint.key", "pki/server-ecdsa.key", "pki/server-rsa.key"):
        secrets |= {f"{name} {part}": each for part, each in secrets_in.private_key((pki / name).read_bytes()).items()}
    hashes = [line.split(":")[1] for line in Path("/etc/shadow").read_text().splitlines()]
    secrets |= {f"shadow {number}": each.encode() for number, each in enumerate(hashes) if len(each) >= 8}
    user = secrets_in.private_key((gw1.folder / "user").read_bytes())
    secrets |= {f"ssh {part}": each for part, each in user.items() if part != "line 1"}
    assert secrets_in.found(secrets, folder) == []


def test_without_a_gateway_it_is_kept_unsigned_and_says_so(gateway: Field, gw1: Server, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    nobody = [*COMMAND, "--socket", "/run/nobody.sock", "audit", "run", "--profile", "gateway", "--fail-on", "never"]
    command = [*nobody, *over(gw1), "--output", str(folder)]
    result = subprocess.run(gateway.topology.client.inside(command), check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "NOT SIGNED: no gateway answers at /run/nobody.sock" in result.stdout
    assert "NOT SIGNED" not in (folder / "result.json").read_text()
    assert "no gateway answers" in (folder / "report.html").read_text()


def test_a_machine_with_another_key_is_not_believed(gateway: Field, gw1: Server) -> None:
    (gw1.folder / "known").write_text((gw1.folder / "known").read_text().split()[0] + " " + " ".join(
        (gw1.folder / "user.pub").read_text().split()[:2]
    ) + "\n")  # fmt: skip
    result = audit(gateway, words(gateway, *over(gw1)))
    assert set(states(result).values()) <= {"error", "manual"}
    assert "Host key verification failed" in json.dumps(result)


def test_a_machine_that_nobody_knows_is_not_believed_either(gateway: Field, gw1: Server) -> None:
    (gw1.folder / "known").unlink()
    assert set(states(audit(gateway, words(gateway, *over(gw1)))).values()) <= {"error", "manual"}
    assert not (gw1.folder / "known").exists()
    met = audit(gateway, words(gateway, *over(gw1), "--host-keys", "accept-new"))
    assert "pass" in states(met).values()


@contextmanager
def under_way(field: Field, servers: Sequence[Server], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An audit of them on a terminal, when each of them has been asked a part of it."""
    command = [*words(field, *over(*servers), "--output", str(folder))]
    command.remove("--json")
    master, slave = os.openpty()
    inside = field.topology.client.inside(command)
    with subprocess.Popen(inside, stdout=subprocess.DEVNULL, stderr=slave, start_new_session=True) as process:
        os.close(slave)
        shown = b""
        for each in servers:
            while not re.search(rb"%s  (\d\d+) of \d+" % each.name.encode(), shown):
                shown += os.read(master, 4096)
        reading = threading.Thread(target=_drain, args=(master,))
        reading.start()
        yield process
        assert process.wait(UNTIL) == 0
        reading.join(UNTIL)
    os.close(master)


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 4096):
            continue
    except OSError:
        return  # what a terminal answers when nobody holds its other side


@pytest.mark.parametrize(
    ("how", "why"), [("vanishes", "gw1 has gone"), ("hangs", "gw1 has (gone|not been heard of for 15 s)")]
)
def test_one_that_goes_meanwhile_costs_its_own_rules_alone(
    gateway: Field, gw1: Server, gw2: Server, tmp_path: Path, how: str, why: str
) -> None:
    folder = tmp_path / "audits"
    alone = calm(audit(gateway, words(gateway, *over(gw2))))
    with under_way(gateway, [gw1, gw2], folder):
        if how == "vanishes":
            gw1.kill()
        else:
            gw1.stop()
    gone, whole = json.loads((folder / "summary.json").read_bytes())["hosts"]
    assert (gone["name"], whole["name"]) == ("gw1", "gw2")
    assert re.match(why, gone["lost"])
    lost = [each for each in gone["result"]["findings"] if gone["lost"] in each["reason"]]
    assert lost, "it had been looked at to the end before it went"
    assert {each["state"] for each in lost} == {"error"}
    assert set(states(gone["result"])) == RULES, "a report without some of its rules"
    assert whole["lost"] == ""
    assert calm(whole["result"]) == alone
    assert len(alone) > 30
    assert json.loads((folder / "gw1" / "result.json").read_bytes())["place"] == "gw1"
    assert gone["lost"] in (folder / "gw1" / "report.txt").read_text().replace("\n          ", " ")


def test_the_time_of_a_machine_ends(gateway: Field, gw1: Server) -> None:
    """Its sweep alone takes longer: what has been seen by then counts, and the rest says why it was not."""
    started = time.monotonic()
    result = audit(gateway, words(gateway, *over(gw1), "--host-seconds", "1"))
    assert time.monotonic() - started < 30
    reasons = [each["reason"] for each in result["findings"] if each["state"] == "error"]
    assert any("were over before it was looked at" in reason for reason in reasons)


def test_nothing_is_left_on_the_machine(gateway: Field, gw1: Server) -> None:
    """No file below the folders where a program would put one, and no process."""
    before = {folder: sorted(each.name for each in Path(folder).iterdir()) for folder in ("/root", "/var/tmp")}
    audit(gateway, words(gateway, *over(gw1)))
    end = time.monotonic() + UNTIL
    while gw1.logged_in():
        assert time.monotonic() < end
        time.sleep(0.05)
    after = {folder: sorted(each.name for each in Path(folder).iterdir()) for folder in before}
    assert after == before


def test_through_sudo(gateway: Field, gw1: Server, tmp_path: Path) -> None:
    """By a sudo that notes what it is asked and does it; Debian's own is asked in test_audit_through_sudo.py."""
    folder = tmp_path / "bin"
    folder.mkdir()
    asked = tmp_path / "asked"
    (folder / "sudo").write_text(f'#!/bin/sh\necho "$1 $2 $3" >{asked}\nshift 2\nexec "$@"\n')
    (folder / "sudo").chmod(0o755)
    sshd = gw1.folder / "sshd_config"
    sshd.write_text(f"{sshd.read_text()}SetEnv PATH={folder}:/usr/sbin:/usr/bin:/sbin:/bin\n")
    gw1.reload()
    result = audit(gateway, words(gateway, *over(gw1), "--sudo"))
    assert "pass" in states(result).values()
    assert asked.read_text() == "-n -- env\n"
