# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the whole gateway use the grounds and clients of the interop tests, and one client of the machine's own."""

from __future__ import annotations

from tests.interop.conftest import clients, make_gateway

__all__ = ["clients", "make_gateway"]
