# SPDX-License-Identifier: GPL-3.0-or-later
"""mgmtd: answers the command line tool and local programs, HTTP/1.1 and JSON on a Unix socket, by the caller's role.

It holds nothing of its own: what it tells it asks of the others, what it is told to do it has them do, and every act
leaves a record. Who may do what is one table (`routes`); who somebody is, the kernel says (`roles`).
"""
