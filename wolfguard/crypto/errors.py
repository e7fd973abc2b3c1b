# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between wolfguard and its cryptographic module."""

from __future__ import annotations

from wolfguard.errors import LocalError, StartError


class ModuleError(LocalError):
    """The module or its entropy source refused: nothing may go on without it, the process has to be restarted."""


class ModuleStartError(ModuleError, StartError):
    """The module must not be used: it is not the one that was built, or its self-tests failed."""


class CertificateError(LocalError):
    """A certificate or chain cannot be used; the text says what the file should hold instead."""


class PasswordError(LocalError):
    """A password or the hash of one cannot be used; the text names neither."""
