# SPDX-License-Identifier: GPL-3.0-or-later
"""Every committed aarch64 filter on a real aarch64 kernel, call by call: `./bootstrap test --vm --aarch64`.

Owns the cases: for each process and each number of a system call, arguments that bring out every answer which the
filter has for it. What to expect comes from the filter's program itself, run by the tests' own interpreter of classic
BPF, so that kernel, interpreter and generator must agree. The machine is Debian's arm64 kernel and one static program
(init.c), which uses the product's loader. The architecture check cannot be tried here: a process under a filter cannot
execute a program of another architecture.
"""

from __future__ import annotations

import itertools
import re
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from tests.interop import roots
from tests.unit.seccomp.interpreter import run as interpret

TREE: Final = Path(__file__).resolve().parents[3]
NATIVE: Final = TREE / "wolfguard" / "engine" / "native"
PROGRAM: Final = "qemu-system-aarch64"
COMPILER: Final = "aarch64-linux-gnu-gcc"
AUDIT_ARCH_AARCH64: Final = 0xC00000B7
NUMBERS: Final = range(463)
"""Beyond the last call of the kernel."""
LIMIT_SECONDS: Final = 300.0
KERNEL: Final = roots.Root(
    "vm-aarch64", "bookworm", ("linux-image-cloud-arm64",), architecture="arm64", variant="extract"
)

ALLOWED, KILLED, REFUSED = 0, 1, 2
_RETURN_ALLOW, _RETURN_KILL, _RETURN_ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_ALL_ONES: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Case:
    filter: int
    number: int
    arguments: tuple[int, ...]
    expected: int
    error: int

    def packed(self) -> bytes:
        return struct.pack("<II6QII", self.filter, self.number, *self.arguments, self.expected, self.error)


def programs() -> dict[str, bytes]:
    """By process."""
    folder = TREE / "seccomp" / "generated"
    return {path.name.partition(".")[0]: path.read_bytes() for path in sorted(folder.glob("*.aarch64.bpf"))}


def vectors() -> Iterator[tuple[int, ...]]:
    """Arguments: harmless ones first, then each known value in each place that a filter looks at."""
    yield (_ALL_ONES,) * 6
    yield (0,) * 6
    constants = yaml.safe_load((TREE / "seccomp" / "constants.yml").read_text("utf-8"))
    values = sorted({value for names in constants.values() for value in names.values()})
    for place, value in itertools.product(range(3), values):
        arguments = [_ALL_ONES] * 6
        arguments[place] = value
        yield tuple(arguments)


def cases(filters: Sequence[bytes]) -> list[Case]:
    """One for each different answer of each filter to each call, and the two plain vectors always."""
    found: list[Case] = []
    tried = list(vectors())
    for index, program in enumerate(filters):
        for number in NUMBERS:
            seen: set[tuple[int, int]] = set()
            for count, arguments in enumerate(tried):
                expected = _expected(interpret(program, AUDIT_ARCH_AARCH64, number, arguments))
                if count >= 2 and expected in seen:
                    continue
                seen.add(expected)
                found.append(Case(index, number, arguments, *expected))
    return found


def _expected(action: int) -> tuple[int, int]:
    if action == _RETURN_ALLOW:
        return ALLOWED, 0
    if action == _RETURN_KILL:
        return KILLED, 0
    assert action & 0xFFFF0000 == _RETURN_ERRNO, hex(action)
    return REFUSED, action & 0xFFFF


def boot(folder: Path, filters: dict[str, bytes], tried: Sequence[Case]) -> str:
    """What the machine said. Raises TimeoutError, CalledProcessError."""
    disk = folder / "files"
    disk.mkdir(parents=True, exist_ok=True)
    sources = [Path(__file__).with_name("init.c"), NATIVE / "seccomp_filter.c"]
    compile_command = [
        COMPILER, "-static", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", f"-I{NATIVE}",
        "-o", str(disk / "init"), *map(str, sources),
    ]  # fmt: skip
    subprocess.run(compile_command, check=True)
    blob = struct.pack("<I", len(filters))
    blob += b"".join(struct.pack("<I", len(program)) + program for program in filters.values())
    blob += struct.pack("<I", len(tried)) + b"".join(each.packed() for each in tried)
    (disk / "cases").write_bytes(blob)
    archive = folder / "initramfs"
    with archive.open("wb") as file:
        # the kernel gives the first program its console only through this device
        (disk / "dev").mkdir(exist_ok=True)
        subprocess.run(
            ["mknod", "-m", "600", disk / "dev" / "console", "c", "5", "1"], check=False, capture_output=True
        )
        subprocess.run(
            ["cpio", "-o", "-H", "newc", "--quiet"], cwd=disk, input="init\ncases\ndev\ndev/console\n", text=True,
            stdout=file, check=True,
        )  # fmt: skip
    (kernel,) = (roots.make(KERNEL) / "boot").glob("vmlinuz-*")
    console = folder / "console.log"
    command = [
        PROGRAM, "-machine", "virt", "-cpu", "max,pauth-impdef=on", "-m", "512", "-nodefaults", "-display", "none",
        "-no-reboot", "-nic", "none", "-serial", f"file:{console}", "-kernel", str(kernel), "-initrd", str(archive),
        "-append", "console=ttyAMA0 panic=-1 quiet mitigations=off print-fatal-signals=0 audit=0",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        process.wait(LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"the machine still runs after {LIMIT_SECONDS:.0f} s; its console: {console}") from None
    finally:
        process.kill()
        process.wait()
    return console.read_text("utf-8", "replace")


def main(folder: Path) -> int:
    filters = programs()
    tried = cases(list(filters.values()))
    started = time.monotonic()
    said = boot(folder, filters, tried)
    names = list(filters)
    for line in re.findall(r"^(?:wrong|failed) .*$", said, re.MULTILINE):
        print(re.sub(r"filter=(\d+)", lambda found: f"filter={names[int(found[1])]}", line))
    counted = re.search(r"^cases=(\d+) wrong=(\d+)\s*$", said, re.MULTILINE)
    right = counted is not None and (int(counted[1]), int(counted[2])) == (len(tried), 0)
    print(
        f"{'ok' if right else 'FAILED'}  {len(filters)} aarch64 filters, {len(tried)} calls on an aarch64 kernel; the "
        f"machine ran {time.monotonic() - started:.0f} s; its words: {folder}"
    )
    return 0 if right else 1
