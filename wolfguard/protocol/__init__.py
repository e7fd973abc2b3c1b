# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenConnect / AnyConnect protocol, server side, sans-IO: events in, commands out.

Knows bytes and rules only: no socket, clock, asyncio, random or logging. `connection` is the way in.
"""
