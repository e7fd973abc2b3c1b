# SPDX-License-Identifier: GPL-3.0-or-later
"""nursery: the process that PAM modules run in, one helper a login.

It is the one exception from confinement, for the reasons in seccomp/processes.yml. The process itself (`process`) forks
helpers and ends them, and never calls PAM; what a helper does is `helper`, `conversation` and, over python-pam's
structures, `library`. Whose login it is and how long it may take is the business of pam.
"""
