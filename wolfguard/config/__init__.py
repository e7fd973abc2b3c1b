# SPDX-License-Identifier: GPL-3.0-or-later
"""The site file: its shape, its checks, and the frozen objects that every process receives.

`config.site` and `config.changes` are all that long-lived processes import; the rest reads YAML, and runs in the
command line tool and in the short-lived process that resolves the file for the supervisor.
"""
