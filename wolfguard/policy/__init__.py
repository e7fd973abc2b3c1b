# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies as data: reads `policies/` and resolves crypto profiles for the engine and for reports."""
