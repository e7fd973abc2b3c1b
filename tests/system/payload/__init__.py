# SPDX-License-Identifier: GPL-3.0-or-later
"""Code of an attacker, put into a running process by a debugger, and what stops it.

`attempts` is the table, `injection` puts a part of it into a process, `in_debugger` is what runs inside gdb, `table`
writes the table for people.
"""
