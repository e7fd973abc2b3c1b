# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of the Ansible roles in a virtual machine: SELinux enforces, the kernel is in FIPS mode."""
