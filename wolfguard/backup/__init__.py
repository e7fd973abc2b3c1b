# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway is beside its program, in one file: state, site file, certificates and keys; and the way back."""
