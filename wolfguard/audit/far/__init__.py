# SPDX-License-Identifier: GPL-3.0-or-later
"""Other machines as places: `serving` runs there and answers, `channel` asks over the pipes of whatever leads there,
`place` makes a `Place` of it, `entering` leads into a root file system or a container of this machine. How a machine is
reached is the caller's. Both ends look with the same `audit.looking`."""
