# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every test: property tests draw the same examples in every run, and no clock decides about them."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("wolfguard", derandomize=True, deadline=None, max_examples=200)
settings.load_profile("wolfguard")
