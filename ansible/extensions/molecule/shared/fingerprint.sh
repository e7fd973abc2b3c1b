# SPDX-License-Identifier: GPL-3.0-or-later
# Every file below /etc and /usr/local: name, kind, mode, owner, time of the last change, target, and content.
set -e
find /etc /usr/local -xdev -printf '%p %y %m %U %G %T@ %l\n' | sort
find /etc /usr/local -xdev -type f -print0 | sort -z | xargs -0 sha256sum
