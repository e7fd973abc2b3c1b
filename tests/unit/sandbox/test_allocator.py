# SPDX-License-Identifier: GPL-3.0-or-later
"""Python's memory is wiped when it is given back: a process of its own looks through its own memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import wolfguard

PACKAGE = Path(wolfguard.__file__).parents[1]

# The needle is made of halves, so that it stands in memory only where a copy of it does. Stacks are left out: what is
# written over by the next call is no allocator's business; other threads work on something else, to be in the way.
LOOKING = """
import base64, json, os, sys, threading
sys.path.insert(0, sys.argv[1])
from wolfguard import _native

HALVES = b"Ostrich-7781-", b"tangerine-Quartz"

def places():
    found = 0
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps.read().splitlines():
            words = line.split()
            if "rw" not in words[1] or (len(words) > 5 and words[5] != "[heap]"):
                continue
            start, end = (int(each, 16) for each in words[0].split("-"))
            memory.seek(start)
            data = memory.read(end - start)
            place = data.find(HALVES[0])
            while place >= 0:
                found += data[place + len(HALVES[0]) :][: len(HALVES[1])] == HALVES[1]
                place = data.find(HALVES[0], place + 1)
            del data
    return found

def use(size, halves):
    secret = b"".join(halves)
    held = [secret + bytes([number]) * size for number in range(20)]
    text = json.dumps({"password": secret.decode(), "filling": "x" * size})
    grown = bytearray(secret)
    for _ in range(size):
        grown += b"y"
    held += [json.loads(text), base64.b64decode(base64.b64encode(secret)), text.upper().lower().encode(), grown]
    return len(held)

def main(wipe):
    before = [bytes(range(number % 200)) for number in range(3000)]
    if wipe:
        _native.wipe_freed_memory()
        _native.wipe_freed_memory()  # once more changes nothing
    for size in (1, 300, 5000, 300000):
        threads = [threading.Thread(target=use, args=(size, (b"any", b"thing"))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        use(size, HALVES)
    assert before == [bytes(range(number % 200)) for number in range(3000)]
    before.clear()
    print(places())

main(sys.argv[2] == "wipe")
"""


@pytest.mark.parametrize("wipe", [True, False])
def test_nothing_is_left_of_what_was_freed(wipe: bool) -> None:
    command = [sys.executable, "-I", "-c", LOOKING, str(PACKAGE), "wipe" if wipe else "leave"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # Without it the search finds plenty, so it would find a copy that is left.
    assert (int(done.stdout) == 0) is wipe, done.stdout
