# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol as a client speaks it, without I/O: requests as bytes, answers within limits, forms, the head of a
tunnel. A server that is looked at may be anything, so what makes no sense is said to make none."""
