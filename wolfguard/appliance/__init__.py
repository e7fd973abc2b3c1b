# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard appliance`: everything that a machine without a network needs to become a gateway, in one archive.

`system` names releases and architectures, `tree` asks a source tree what it needs, `debian` and `wheels` fetch it,
`bill` lists it, `archive` writes it with its checksums. `ansible/roles/system/files/bundle.py` reads and checks a
bundle, since that must run on a machine that has nothing of ours yet. Must not know the gateway's processes.
"""
