# SPDX-License-Identifier: GPL-3.0-or-later
"""netd: the process with CAP_NET_ADMIN, which hears sessiond and mgmtd and no network.

It turns descriptors of /dev/net/tun into the gateway's devices, routes leases to the worker that owns them, keeps the
pools unreachable otherwise, and holds the firewall's table. `plan` says what shall be there (pure), `installation`
makes it so, `process` is the life of the process and its messages.
"""
