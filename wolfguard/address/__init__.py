# SPDX-License-Identifier: GPL-3.0-or-later
"""Inside addresses: pools of them and their leases. Knows neither sessions nor routes nor storage."""
