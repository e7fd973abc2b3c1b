# SPDX-License-Identifier: GPL-3.0-or-later
"""Half a TLS handshake without I/O: a ClientHello that offers one thing, and what a server answers to it in the clear.

No key is agreed on and nothing is computed, so that versions, suites and groups can be offered that no library
of ours has.
"""
