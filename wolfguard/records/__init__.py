# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit trail: what is recorded (schema), in which order and linked how (trail), and where it goes (sinks)."""
