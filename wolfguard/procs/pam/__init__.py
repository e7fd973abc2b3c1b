# SPDX-License-Identifier: GPL-3.0-or-later
"""pam: keeps helpers for logins through the machine's PAM modules, gives each one login, and has it ended in time.

It is confined as the others are and calls no module: helpers are children of nursery, over sockets that pam makes.
"""
