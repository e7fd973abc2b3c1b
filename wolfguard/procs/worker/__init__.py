# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker: the one process that hears strangers. It holds no capability, no private key and no account.

`process` is its life, `clients` its open connections, `tunnels` what became of them, `sessiond` the one whom it asks.
"""
