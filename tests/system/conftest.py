# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the whole gateway use the grounds and clients of the interop tests, and one client of the machine's own;
those of the export of records have theirs in `export_ground`."""

from __future__ import annotations

from tests.interop.conftest import clients, make_gateway
from tests.system.export_ground import make_export

__all__ = ["clients", "make_export", "make_gateway"]
