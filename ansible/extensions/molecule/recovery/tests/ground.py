# SPDX-License-Identifier: GPL-3.0-or-later
"""What both halves of scenario `recovery` ask: the machine, its gateway and client, and the playbooks run from here.

What has to outlive the machine lies in `kept`: its backups, what was known of it, and all that a playbook has said.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from testinfra.host import Host

ANSIBLE = Path(__file__).resolve().parents[4]
TREE = ANSIBLE.parent
UNIT = "wolfguard-gateway.service"
ETC = "/etc/wolfguard-gateway"
KEYS = f"{ETC}/keys"
KEPT_OF_A_SESSION = ("session", "user", "ipv4", "created")
LIMIT_SECONDS = 90.0
AUDIT = "wolfguard audit run --fail-on never --output"  # as role verify does, but without deciding

Json = dict[str, Any]


class Site:
    """One machine as its controller has it."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.folder = folder
        self.name = folder.name
        self.kept = folder.parents[1] / "recovery"
        self.kept.mkdir(mode=0o700, exist_ok=True)

    def play(self, playbook: str, *words: str) -> tuple[int, str]:
        """Exit code and output at the highest verbosity, which is kept too."""
        environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"}
        command = ["ansible-playbook", "-vvvv", "-i", os.environ["MOLECULE_INVENTORY_FILE"], playbook, *words]
        result = subprocess.run(
            command, cwd=ANSIBLE, env=environment, check=False, capture_output=True, text=True, errors="replace"
        )
        output = result.stdout + result.stderr
        with (self.kept / "said").open("a") as log:
            log.write(output)
        return result.returncode, output

    def changed(self, output: str) -> int:
        """Tasks that a play has changed something by."""
        return int(re.findall(rf"^{self.name} .*\bchanged=(\d+)", output, re.MULTILINE)[-1])

    def client(self, *words: str) -> str:
        command = [os.environ["WOLFGUARD_PYTHON"], "-m", "tests.appliance.client", words[0], self.name, *words[1:]]
        result = subprocess.run(command, cwd=TREE, check=False, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr[-3000:]
        return result.stdout.strip()

    def answers(self) -> list[float]:
        """When something came back through the tunnel, in Unix seconds."""
        said = (self.folder / "ping.log").read_text(errors="replace")
        return [float(number) for number in re.findall(r"^\[([\d.]+)\] .* ttl=", said, re.MULTILINE)]

    def carries(self) -> None:
        begun, end = time.time(), time.monotonic() + LIMIT_SECONDS
        while not [each for each in self.answers() if each > begun]:
            assert time.monotonic() < end, (self.folder / "client.log").read_text(errors="replace")[-3000:]
            time.sleep(0.2)

    def asked(self, *words: str) -> Json:
        found: Json = json.loads(self.host.check_output(" ".join(["wolfguard", *words, "--json"])))
        return found

    def session(self, user: str) -> Json:
        (one,) = self.asked("sessions", "--user", user)["sessions"]
        return {key: one[key] for key in KEPT_OF_A_SESSION}

    def users(self) -> list[Json]:
        """Who may log in, without when they did so last."""
        return [
            {key: value for key, value in each.items() if "last" not in key}
            for each in self.asked("user", "list")["users"]
        ]

    def pids(self) -> dict[str, int]:
        main = int(self.host.check_output(f"systemctl show --property MainPID --value {UNIT}"))
        status = self.asked("status")
        assert status["silent"] == []
        return {"supervisor": main} | {f"{each['process']}/{each['slot']}": each["pid"] for each in status["processes"]}

    def files(self) -> list[str]:
        """Mode, owner and hash of whatever belongs to the gateway beside its program and its state."""
        script = (
            f"find {ETC} -xdev -type f ! -path '*/authority/*' -printf '%p %m %u %g\\n' | sort;"
            f" find {ETC} -xdev -type f ! -path '*/authority/*' -print0 | sort -z | xargs -0 sha256sum"
        )
        return self.host.check_output(script).splitlines()

    def records(self) -> list[str]:
        """Every record that the gateway still has, as it tells them."""
        return self.host.check_output("wolfguard events --since 0 --json").splitlines()

    def audit(self, name: str) -> Path:
        """The same audit each time; its folder, on the controller."""
        self.host.check_output(f"rm -rf /var/tmp/{name} && {AUDIT} /var/tmp/{name}")
        target = self.kept / name
        target.mkdir(exist_ok=True)
        leader = (self.folder / "leader").read_text().strip()
        packed = subprocess.run(
            ["nsenter", f"--target={leader}", "--mount", "tar", "--create", f"--directory=/var/tmp/{name}", "."],
            check=True, capture_output=True,
        )  # fmt: skip
        subprocess.run(["tar", "--extract", f"--directory={target}"], input=packed.stdout, check=True)
        return target


def event(line: str) -> str:
    return str(json.loads(line)["event"])
