# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepares Python for a life without files: no sources for tracebacks, no modules and codecs loaded late.

A report of an error is one line through `logging`, which `procs.log` writes without the exception's own words where
these may hold a secret. An import that comes too late fails as it must, and its name is logged, since what it was
needed for will not work.
"""

from __future__ import annotations

import codecs
import importlib.abc
import linecache
import logging
import sys
import threading
from collections.abc import Sequence
from types import ModuleType, TracebackType
from typing import Any, Final

CODECS: Final = ("ascii", "utf-8", "latin-1", "idna", "unicode_escape")
"""Loaded from files at their first use, often in the handling of an error."""
_NAMES_MAX = 50

log = logging.getLogger(__name__)


def apply() -> None:
    """Loads codecs, replaces the hooks for uncaught exceptions everywhere, and watches for late imports."""
    for name in CODECS:
        codecs.lookup(name)
    linecache.clearcache()
    linecache.updatecache = _no_lines
    linecache.checkcache = _no_check
    linecache.lazycache = _no_lazy
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _in_thread
    sys.meta_path.insert(0, _LateImports())


class _LateImports(importlib.abc.MetaPathFinder):
    """Finds nothing, and says what was looked for."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname not in self._names and len(self._names) < _NAMES_MAX:
            self._names.add(fullname)
            log.warning("late_import module=%s", fullname)


def _no_lines(filename: str, module_globals: dict[str, Any] | None = None) -> list[str]:
    return []


def _no_check(filename: str | None = None) -> None:
    return None


def _no_lazy(filename: str, module_globals: dict[str, Any]) -> bool:
    return False


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("uncaught", exc_info=(kind, error, trace))


def _unraisable(report: sys.UnraisableHookArgs) -> None:
    if report.exc_value is not None:
        log.error("unraisable", exc_info=(report.exc_type, report.exc_value, report.exc_traceback))


def _in_thread(report: threading.ExceptHookArgs) -> None:
    if report.exc_value is not None:
        name = report.thread.name if report.thread else "unknown"
        trace = (report.exc_type, report.exc_value, report.exc_traceback)
        log.critical("uncaught_in_thread thread=%s", name, exc_info=trace)
