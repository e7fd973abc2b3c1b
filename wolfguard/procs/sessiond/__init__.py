# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper of sessions: logins, cookies, leases, lockouts, local users and the chain of records.

Hears no network: its words come from workers, from the process of routes and from the management process. The working
state is in memory; every change is made durable in groups (`ledger`).
"""
