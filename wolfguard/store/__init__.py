# SPDX-License-Identifier: GPL-3.0-or-later
"""What must outlive a process: users, sessions, resting addresses, failures, the tail of the records."""
