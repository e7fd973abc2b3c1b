# SPDX-License-Identifier: GPL-3.0-or-later
"""Mount points, and where memory is swapped to (mountinfo in proc_pid_mountinfo(5))."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation
from wolfguard.audit.place import Missing, text
from wolfguard.audit.probes.files import some
from wolfguard.audit.vantage import Vantage

_MOUNTS: Final = "/proc/self/mountinfo"
_SWAPS: Final = "/proc/swaps"
_KERNELS: Final = {"/proc": "proc", "/sys": "sysfs"}
_AMONG_THEM: Final = (
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "efivarfs", "fusectl", "pstore",
    "resctrl", "securityfs", "selinuxfs", "tracefs",
)  # fmt: skip
"""Other file systems of the kernel that have their place below them."""


def mount(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Absent where nothing is mounted exactly there; of several mounts the last covers the others."""
    found: Observation = Observation(None, _MOUNTS)
    for line in text(vantage.place, _MOUNTS).splitlines():
        before, _, after = line.partition(" - ")
        fields, of_system = before.split(" "), after.split(" ")
        if len(fields) > 5 and len(of_system) > 2 and fields[4] == arguments["path"]:
            options = dict.fromkeys([*fields[5].split(","), *of_system[2].split(",")])
            found = Observation({"options": tuple(options), "type": of_system[0]}, _MOUNTS)
    return found


def covered(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """A part of the kernel's own file system that is mounted again where it is anyway, as containers do to make it
    read-only, covers nothing."""
    found: list[str] = []
    for line in text(vantage.place, _MOUNTS).splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")[0]
        if len(fields) < 6 or not (point := fields[4]).startswith(tuple(f"{top}/" for top in _KERNELS)):
            continue
        top = "/" + point.split("/")[1]
        if kind == _KERNELS[top]:
            if fields[3] != point.removeprefix(top):
                found.append(point)
        elif kind not in _AMONG_THEM:
            found.append(point)
    return Observation({"points": some(found)}, _MOUNTS)


def swap(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """A swap area is encrypted where it is a device of dm-crypt or in compressed memory (zram)."""
    plain: list[str] = []
    try:
        areas = text(vantage.place, _SWAPS).splitlines()[1:]
    except Missing:  # a kernel that cannot swap
        areas = []
    for line in areas:
        name = line.split()[0]
        if not _is_encrypted(vantage, name.rsplit("/", 1)[-1]):
            plain.append(name)
    return Observation({"plain": tuple(plain)}, _SWAPS)


def _is_encrypted(vantage: Vantage, device: str) -> bool:
    if device.startswith("zram"):
        return True
    try:
        return text(vantage.place, f"/sys/class/block/{device}/dm/uuid").startswith("CRYPT-")
    except Missing:
        return False
