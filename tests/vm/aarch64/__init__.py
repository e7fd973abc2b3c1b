# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters for aarch64 on an emulated aarch64 kernel."""
