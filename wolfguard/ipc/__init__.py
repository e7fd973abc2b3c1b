# SPDX-License-Identifier: GPL-3.0-or-later
"""How wolfguard's processes talk: typed messages over SOCK_SEQPACKET, permitted by a table, bounded everywhere."""
