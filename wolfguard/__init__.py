# SPDX-License-Identifier: GPL-3.0-or-later
"""wolfguard: a VPN gateway for stock OpenConnect clients. Imports nothing, since every process begins here."""
