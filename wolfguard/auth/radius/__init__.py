# SPDX-License-Identifier: GPL-3.0-or-later
"""A RADIUS client without I/O: packets, their protection, requests under way, servers, what attributes mean.

Clock and randomness are arguments; bytes go in and come out. Sockets and TLS belong to `procs.radius`.
"""
