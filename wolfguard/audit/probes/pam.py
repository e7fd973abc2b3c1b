# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that PAM asks (pam.conf(5)), with what a service includes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation
from wolfguard.audit.place import Missing, Place, lines
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value

_FOLDER: Final = "/etc/pam.d"
_DEEPEST: Final = 8
_LINE: Final = re.compile(r"-?\w+\s+(?P<control>\[[^\]]*\]|\S+)\s+(?P<module>\S+)\s*(?P<options>.*)")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_HASHES: Final = ("md5", "bigcrypt", "sha256", "sha512", "blowfish", "gost_yescrypt", "yescrypt")


def modules(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Absent where PAM has no such service."""
    file = f"{_FOLDER}/{arguments['service']}"
    try:
        rows = list(_rows(vantage.place, file, 0))
    except Missing:
        return Observation(None, file)
    seen: dict[str, Value] = {
        "modules": tuple(dict.fromkeys(name for name, _ in rows)),
        "empty_passwords": tuple(name for name, words in rows if "nullok" in words or "nullok_secure" in words),
        "hashes": tuple(
            dict.fromkeys(word for name, words in rows if name == "pam_unix.so" for word in words if word in _HASHES)
        ),
    }
    return Observation(seen, file)


def _rows(place: Place, file: str, depth: int) -> Iterator[tuple[str, list[str]]]:
    """Module and options, in the order in which PAM reads them."""
    for line in lines(place, file) if depth < _DEEPEST else ():
        words = line.split()
        if words[0] == "@include" and len(words) == 2:
            yield from _included(place, words[1], depth)
        elif (found := _LINE.fullmatch(line)) is not None:
            if found["control"] in ("include", "substack"):
                yield from _included(place, found["module"], depth)
            else:
                yield found["module"].rsplit("/", 1)[-1], found["options"].split()


def _included(place: Place, name: str, depth: int) -> Iterator[tuple[str, list[str]]]:
    if _NAME.fullmatch(name):
        yield from _rows(place, f"{_FOLDER}/{name}", depth + 1)
