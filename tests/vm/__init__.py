# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway in a virtual machine with SELinux enforcing; run.py by itself, not pytest, runs it."""
