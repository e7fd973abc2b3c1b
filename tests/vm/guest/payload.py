# SPDX-License-Identifier: GPL-3.0-or-later
"""Injects the hostile payload into a running worker that has nothing but SELinux, its account and no capabilities.

The attempts are the table's (tests/system/payload), as the image maker wrote them; what only this machine knows is put
in here. The gateway that is attacked is started from its own unit. It runs with another module in the place of the one
that applies filters and Landlock rules, which the product itself has no switch for.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

PROOF = Path("/opt/proof")
TABLE = PROOF / "attempts.json"
KEY = "/etc/wolfguard-gateway/tls/server-ecdsa.key"
DATABASE = "/var/lib/wolfguard-gateway/sessiond.sqlite"
SECONDS = 150.0
"""Of the debugger, whose processor is emulated."""


def unconfine(package: Path) -> None:
    """From the next start on; the file keeps its label."""
    (package / "sandbox" / "enter.py").write_text((PROOF / "unconfined.py").read_text("utf-8"))


def attack(pid: int, sibling: int, supervisor: int) -> dict[str, Any]:
    """Makes all attempts in the worker. Answers come in the table's order, each with the time it took."""
    table = json.loads(TABLE.read_text("utf-8"))
    known: dict[str, int | dict[str, str]] = {
        **descriptors(pid), "sibling": sibling, "supervisor": supervisor, "key": path(KEY), "database": path(DATABASE)
    }  # fmt: skip
    calls = [
        {
            "number": each["number"],
            "arguments": [
                known[word["of"]] if isinstance(word, dict) and "of" in word else word for word in each["arguments"]
            ],
        }
        for each in table["attempts"]
    ]
    order = PROOF / "order.json"
    order.write_text(json.dumps({"pid": pid, "scratch": table["scratch"], "calls": calls}))
    said = subprocess.run(
        ["gdb", "-nx", "-batch", "-iex", "set auto-load off", "-x", str(PROOF / "in_debugger.py")],
        env={**os.environ, "PAYLOAD_ORDER": str(order)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    answers = [json.loads(line.partition(" ")[2]) for line in said.stdout.splitlines() if line.startswith("answer ")]
    return {"answers": answers, "names": [each["name"] for each in table["attempts"]], "errors": said.stderr[-2000:]}


def path(text: str) -> dict[str, str]:
    return {"bytes": (text.encode() + b"\0").hex()}


def descriptors(pid: int) -> dict[str, int]:
    """The worker's first listener, datagram socket and TUN."""
    found: dict[str, int] = {}
    tables = {"listener": inodes("tcp"), "datagram": inodes("udp")}
    for entry in sorted(Path(f"/proc/{pid}/fd").iterdir(), key=lambda each: int(each.name)):
        target = os.readlink(entry)
        kinds = [kind for kind, known in tables.items() if target in known]
        if target == "/dev/net/tun":
            kinds = ["tun"]
        for kind in kinds:
            found.setdefault(kind, int(entry.name))
    return found


def inodes(protocol: str) -> set[str]:
    """As the links in /proc/PID/fd name them."""
    lines = Path(f"/proc/net/{protocol}").read_text("ascii").splitlines()[1:]
    return {f"socket:[{line.split()[9]}]" for line in lines}
