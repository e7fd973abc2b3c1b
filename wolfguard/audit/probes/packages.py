# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages: which are installed (dpkg's own list), and their files beside the sums that dpkg keeps of them (dpkg
--verify)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.place import Program
from wolfguard.audit.probes.files import some
from wolfguard.audit.vantage import Vantage

_INSTALLED: Final = "installed"
_STATUS: Final = "/var/lib/dpkg/status"
_STATUS_MAXIMUM: Final = 32 * 1024 * 1024


def verified(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Raises Unobservable where there is no dpkg. Its sums are MD5: they show accidents and the careless."""
    missing: list[str] = []
    changed: list[str] = []
    for name in arguments["names"]:
        status = vantage.place.run(Program.PACKAGE_STATUS, name)
        if status.code != 0 or _INSTALLED not in status.text.split():
            missing.append(name)
            continue
        output = vantage.place.run(Program.PACKAGE_SUMS, name)
        if output.code != 0 and not output.text:
            raise Unobservable(f"dpkg does not verify {name}: {output.why}")
        for line in output.text.splitlines():
            fields = line.split()
            # "??5?????? c /etc/x": the second field is "c" for a configuration file
            if len(fields) == 2 and ("5" in fields[0] or fields[0] == "missing"):
                changed.append(fields[1])
    return Observation({"changed": some(changed), "missing": tuple(missing)}, "dpkg --verify")


def installed(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Which of the names are. Raises Unobservable where there is no dpkg."""
    there: set[str] = set()
    name = ""
    for line in vantage.place.read(_STATUS, _STATUS_MAXIMUM).decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(": ")
        if key == "Package":
            name = value.strip()
        elif key == "Status" and value.split()[-1:] == [_INSTALLED]:
            there.add(name)
    return Observation({"installed": tuple(each for each in arguments["names"] if each in there)}, _STATUS)
