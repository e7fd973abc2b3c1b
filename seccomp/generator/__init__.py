# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the manifest and the profiles of seccomp/ and writes everything that is generated from them."""
