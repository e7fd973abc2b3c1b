# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be said of the cryptographic module here and now: none, eval, bundle or validated, with the evidence.

`facts` are the shapes, `verdict` judges them and is pure, `snapshot` and `declaration` read what the verdict compares
with, `observe` looks at this process and at the machine. Nobody here asks the running gateway: who calls does.
"""
