# SPDX-License-Identifier: GPL-3.0-or-later
"""Bindings to Linux: TUN devices, netlink, nftables, parameters, sockets. Thin; policy is elsewhere."""
