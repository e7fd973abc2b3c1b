# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers as child processes: each is ended and waited for, with all that it has started."""

from __future__ import annotations

import subprocess
import sys

# Forks in a process of its own: a test runner has threads, and children that are not helpers.
SCRIPT = """
import asyncio, os, signal, socket, subprocess, sys, time
from wolfguard.procs.nursery import children as module
from wolfguard.procs.nursery.children import Children

def work(sock):
    word = sock.recv(100)
    if word == b"leak":
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        sock.send(b"leaked")
    elif word == b"fail":
        raise RuntimeError("a password")
    elif word == b"hang":
        sock.send(b"hanging")
        time.sleep(1000)

def helper(children, number):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    children.begin(number, theirs)
    return ours

async def gone(children):
    async with asyncio.timeout(20):
        await children.gone()

async def main():
    children = Children(work)
    {body}

asyncio.run(main())
print("children", open(f"/proc/{{os.getpid()}}/task/{{os.getpid()}}/children").read().split())
"""


def run(body: str) -> subprocess.CompletedProcess[str]:
    source = SCRIPT.format(body=body.strip().replace("\n", "\n    "))
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True)


def test_a_helper_that_ends_is_waited_for() -> None:
    done = run("""
socks = [helper(children, number) for number in range(3)]
assert len(children) == 3
for sock in socks:
    sock.close()
await gone(children)
""")
    assert done.stdout == "children []\n"


def test_a_helper_is_ended_with_what_it_has_started() -> None:
    done = run("""
sock = helper(children, 1)
sock.send(b"leak")
assert sock.recv(100) == b"leaked"
await gone(children)
""")
    assert done.stdout == "children []\n"


def test_one_is_ended_and_others_go_on() -> None:
    done = run("""
one, two = helper(children, 1), helper(children, 2)
one.send(b"hang")
assert one.recv(100) == b"hanging"
children.end(1)
children.end(7)
while len(children) == 2:
    await asyncio.sleep(0.01)
assert one.recv(1) == b""
two.send(b"x")
assert two.recv(1) == b""
await gone(children)
""")
    assert done.stdout == "children []\n"


def test_what_fails_says_no_more_than_its_kind() -> None:
    done = run("""
sock = helper(children, 1)
sock.send(b"fail")
await gone(children)
""")
    assert done.stderr == "error nursery helper_failed error=RuntimeError\n"


def test_the_helpers_of_a_pam_that_has_gone() -> None:
    """Those that can end by themselves do; the others are ended; numbers are free for the next pam at once."""
    done = run("""
module.LEAVE_SECONDS = 0.3
old, hanging = helper(children, 1), helper(children, 2)
hanging.send(b"hang")
assert hanging.recv(100) == b"hanging"
old.close()
children.leave()
new = helper(children, 1)
while len(children) > 1:
    await asyncio.sleep(0.01)
assert hanging.recv(1) == b""
new.send(b"hang")
assert new.recv(100) == b"hanging"
children.end(1)
await gone(children)
""")
    assert done.stdout == "children []\n"
