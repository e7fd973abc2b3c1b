# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished audit as evidence that can be carried away: `bundle` chains what was found, `dsse` is the form of what is
signed, `verify` checks both with nothing but a public key. Where bytes come from and who signs is the caller's."""
