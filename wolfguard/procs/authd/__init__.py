# SPDX-License-Identifier: GPL-3.0-or-later
"""authd: the process that speaks to foreign authentication servers."""
