# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit`: looks at a machine from outside and says for each rule what was seen.

`place` reads the machine, `probes` observe, `evaluate` judges and is pure, `waivers` are what a site accepts, `run`
orders the looking, `report` writes it down. Must not know the processes nor their configuration: what they have is
observed, not asked from their code.
"""
