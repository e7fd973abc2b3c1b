# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins: the frame (rounds, groups, lockout) and one module a way of proving who one is."""
