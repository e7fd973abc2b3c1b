# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m wolfguard.cli`: the same command where no script is installed, or none may be trusted."""

from wolfguard.cli import main

if __name__ == "__main__":
    main()
