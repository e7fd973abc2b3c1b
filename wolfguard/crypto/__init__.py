# SPDX-License-Identifier: GPL-3.0-or-later
"""The control plane's only way to the cryptographic module: digests, passwords, random bytes, and facts about
certificates and the library. `authority` alone uses another library, and is for tools and tests."""
