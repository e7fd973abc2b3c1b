# SPDX-License-Identifier: GPL-3.0-or-later
"""Every call of a cipher in running processes, seen at the library's own entries by a debugger: the product has no hook
for it.

Owns which functions are watched and where they are in memory. A call of the AEAD is known by its associated data, which
for a record of TLS and DTLS is made of the record's head. Must not know what was sent.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from wolfguard import _native

SCRIPT: Final = Path(__file__).with_name("ciphers_in_debugger.py")
SECONDS: Final = 60
SEAL: Final = "wc_AesGcmEncrypt"
OPEN: Final = "wc_AesGcmDecrypt"
# What those two rest on where the processor has it, one call each.
_CORE: Final = re.compile(r"AES_GCM_(en|de)crypt_(aesni|avx1|avx2|avx512|vaes)")
# The one that draws a nonce before it calls the first of the two; and a block by itself, which is how a key is set up.
_AROUND: Final = re.compile(r"wc_AesGcmEncrypt_ex|AES_ECB_.*")
_CIPHER: Final = re.compile(r"(wc|AES|GCM)_\w*(crypt|Gmac|ccm|chacha|poly1305)\w*", re.IGNORECASE)


@dataclass
class Calls:
    """Whole once the block of `watched` has ended: how often each associated data was sealed and opened, how often the
    instructions ran that do it, and calls of whatever else encrypts, by name."""

    sealed: Counter[bytes] = field(default_factory=Counter)
    opened: Counter[bytes] = field(default_factory=Counter)
    core: int = 0
    others: Counter[str] = field(default_factory=Counter)


def entries() -> tuple[dict[str, int], dict[str, int]]:
    """The AEAD's own and all other functions that encrypt or decrypt, by name, with their places in the library."""
    said = subprocess.run(["nm", "-D", _native.library_path()], capture_output=True, text=True, check=True).stdout
    places = {name: int(place, 16) for place, name in re.findall(r"(?m)^([0-9a-f]+) T (\w+)$", said)}
    own = {name: places.pop(name) for name in (SEAL, OPEN)}
    others = {name: at for name, at in places.items() if _CIPHER.fullmatch(name) and not _AROUND.fullmatch(name)}
    assert "wc_AesCbcEncrypt" in others, "nothing is known of other ciphers"
    return own, others


def _base(pid: int) -> int:
    """Where the library's first byte is mapped in a process."""
    library = os.path.realpath(_native.library_path())
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        words = line.split()  # span, rights, offset, device, inode, path
        if words[-1] == library and int(words[2], 16) == 0:
            return int(words[0].partition("-")[0], 16)
    raise AssertionError(f"{pid} does not map {library}")


@contextmanager
def watched(pids: Iterable[int]) -> Iterator[Calls]:
    """Calls in these processes while the block runs. They go on slower, and are left as they were found."""
    own, others = entries()
    calls = Calls()
    debuggers: list[subprocess.Popen[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for pid in pids:
                base = _base(pid)
                order = {"pid": pid, "records": _moved(own, base), "others": _moved(others, base)}
                debuggers.append(_start(Path(folder) / f"{pid}.json", order))
            for debugger in debuggers:
                _await_ready(debugger)
            yield calls
        finally:
            for debugger in debuggers:
                debugger.send_signal(signal.SIGINT)
            said = [_rest(debugger) for debugger in debuggers]
    for text in said:
        assert text.endswith("ended\n"), text
        for name, data in re.findall(r"(?m)^call (\w+) ([0-9a-f]*)$", text):
            if name in own:
                (calls.sealed if name == SEAL else calls.opened)[bytes.fromhex(data)] += 1
            elif _CORE.fullmatch(name):
                calls.core += 1
            else:
                calls.others[name] += 1


def _moved(places: dict[str, int], base: int) -> dict[str, int]:
    return {name: base + place for name, place in places.items()}


def _start(file: Path, order: dict[str, object]) -> subprocess.Popen[str]:
    file.write_text(json.dumps(order))
    command = ["gdb", "-nx", "-batch", "-iex", "set auto-load off", "-x", str(SCRIPT)]
    return subprocess.Popen(
        command,
        env={**os.environ, "CIPHERS_ORDER": str(file)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _rest(debugger: subprocess.Popen[str]) -> str:
    assert debugger.stdout is not None
    with debugger.stdout as output:
        text = output.read()
    debugger.wait(SECONDS)
    return text


def _await_ready(debugger: subprocess.Popen[str]) -> None:
    assert debugger.stdout is not None
    said = []
    for line in debugger.stdout:
        said.append(line)
        if line == "ready\n":
            return
    raise AssertionError("".join(said))
