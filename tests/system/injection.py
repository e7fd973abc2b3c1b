# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes functions of a running, confined process raise once, by a debugger: the product has no hook for it.

Owns how Python text gets into a process (gdb calls the interpreter in its main thread, which waits in its loop) and how
a function is made to raise: its code is exchanged, so that every reference to it meets the exception, and put back by
the first call. The exception's innermost place carries the target's name, which is what the log then shows.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

SECRET = "a secret of the test"

# Runs inside the process, under its filter: nothing may be imported, since nothing can be opened.
SOURCE = '''
import sys

THROWS = """
{define} thrower(*arguments, **named):
    import sys
    sys.test_restore({name!r})
    raise RuntimeError({secret!r})
    {end}
"""
COROUTINE, GENERATOR = 0x80, 0x20
sys.test_saved = {}


def restore(name):
    function, code = sys.test_saved.pop(name)
    function.__code__ = code


def child():
    frame = sys._getframe()
    while not frame.f_code.co_filename.endswith("/procs/child.py"):
        frame = frame.f_back
    return frame.f_locals["child"]


def find(target):
    """`module:qualified.name`, or `handler:peer.Message` of this process."""
    place, _, path = target.partition(":")
    if place == "handler":
        peer, _, message = path.partition(".")
        handlers = {kind.__name__: handler for kind, handler in child().handlers(peer).items()}
        return handlers[message].__func__
    found = sys.modules[place]
    for name in path.split("."):
        found = getattr(found, name)
    return getattr(found, "__func__", found)


def force(target):
    function = find(target)
    code = function.__code__
    source = THROWS.format(
        define="async def" if code.co_flags & COROUTINE else "def",
        name=target,
        secret=SECRET,
        end="yield" if code.co_flags & GENERATOR else "",
    )
    space = {}
    exec(compile(source, "forced " + target, "exec"), space)
    sys.test_saved[target] = (function, code)
    function.__code__ = space["thrower"].__code__.replace(co_freevars=code.co_freevars)


sys.test_restore = restore
for target in TARGETS:
    force(target)
'''


def mark(target: str) -> str:
    """What the log shows of a target that has raised."""
    return f"forced {target}:"


def run(pid: int, source: str) -> None:
    """Runs Python text in the main thread of a process."""
    # In a namespace of its own: __main__ is the process's.
    text = f"exec(bytes.fromhex('{source.encode().hex()}'), {{}})"
    command = [
        "gdb", "-nx", "-batch", "-p", str(pid),
        "-ex", "set $state = (int)PyGILState_Ensure()",
        "-ex", f'print (int)PyRun_SimpleString("{text}")',
        "-ex", "call (void)PyGILState_Release($state)",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "$1 = 0" in done.stdout, (done.stdout, done.stderr)


def force(pid: int, targets: Sequence[str]) -> None:
    """Each target raises at its next call, and at no other."""
    run(pid, f"SECRET, TARGETS = {SECRET!r}, {list(targets)!r}\n{SOURCE}")
