# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished audit written down, one module a format. Pure: an `Audit` in, text or bytes out, the same for the same."""
