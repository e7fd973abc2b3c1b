# SPDX-License-Identifier: GPL-3.0-or-later
"""Confinement of a process from inside: capabilities, Landlock, seccomp, and proof that they hold."""
