# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends of type "plugin": a Python module of the administrator, loaded by authd before authd is confined.

Owns finding the module and checking its promise. A module is code of the administrator: it is taken only from where
root alone installs, the interpreter's own paths, and it works under the filter, the user and the limits of authd.
"""

from __future__ import annotations

import importlib
from typing import Final

from wolfguard.auth.foreign import ForeignBackend
from wolfguard.config.site import Backend
from wolfguard.errors import StartError

FACTORY: Final = "backend"


def load(entry: Backend) -> ForeignBackend:
    """The backend that the entry's module makes. Raises StartError."""
    if entry.plugin is None:
        raise StartError(f"the backend {entry.name} names no plugin")
    name = entry.plugin.module
    try:
        module = importlib.import_module(name)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        raise StartError(f"backend {entry.name}: the module {name} cannot be loaded ({text}); install it") from error
    factory = getattr(module, FACTORY, None)
    if not callable(factory):
        raise StartError(f"backend {entry.name}: the module {name} has no function {FACTORY}(name, settings)")
    try:
        made: ForeignBackend = factory(entry.name, entry.plugin.settings)
    except Exception as error:
        raise StartError(f"backend {entry.name}: {name} refuses its settings: {error}") from error
    for method in ("step", "cancel"):
        if not callable(getattr(made, method, None)):
            raise StartError(f"backend {entry.name}: what {name} makes has no method {method}; see write-a-backend.md")
    return made
