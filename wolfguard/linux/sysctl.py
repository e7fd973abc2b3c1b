# SPDX-License-Identifier: GPL-3.0-or-later
"""Network parameters under /proc/sys/net that rtnetlink cannot set.

Files are opened before the sandbox and kept open: the kernel lets CAP_NET_ADMIN of the network namespace write them,
whoever owns them. What was changed is remembered, so that it can be put back.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

from wolfguard.errors import LocalError

_ROOT: Final = "/proc/sys/net"
_VALUE_BYTES: Final = 64


class SysctlError(LocalError):
    """A parameter cannot be read or written. The text has the `sysctl -w` line that an administrator can run."""


class Sysctl:
    """One integer parameter, by its path below /proc/sys/net ("ipv4/ip_forward")."""

    def __init__(self, path: str) -> None:
        # sysctl(8) takes slashes too, which a device's name with a dot in it (eth0.7) needs.
        self.name = f"net/{path}" if "." in path else "net." + path.replace("/", ".")
        self._before: int | None = None
        file = f"{_ROOT}/{path}"
        try:
            self._descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
            self.writable = True
        except OSError:
            # A read-only /proc/sys (a container, ProtectKernelTunables=): what is right already need not be written.
            try:
                self._descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise SysctlError(f"cannot read {self.name}: {os.strerror(error.errno or 0)}") from error
            self.writable = False

    def read(self) -> int:
        return int(os.pread(self._descriptor, _VALUE_BYTES, 0))

    def ensure(self, value: int) -> bool:
        """Writes the value unless it is there already; returns whether it wrote. Raises SysctlError."""
        before = self.read()
        if before == value:
            return False
        try:
            if not self.writable:
                raise PermissionError(1, "read-only")
            os.pwrite(self._descriptor, b"%d\n" % value, 0)
        except OSError as error:
            reason = "it is read-only here" if not self.writable else os.strerror(error.errno or 0)
            raise SysctlError(f"{self.name} is {before}, {reason}; run: sysctl -w {self.name}={value}") from error
        if self._before is None:
            self._before = before
        return True

    @property
    def changed(self) -> bool:
        return self._before is not None

    def restore(self) -> None:
        """Puts back what was there before the first `ensure` that wrote; silent when the device is gone."""
        if self._before is not None:
            with contextlib.suppress(OSError):
                os.pwrite(self._descriptor, b"%d\n" % self._before, 0)
            self._before = None

    def close(self) -> None:
        os.close(self._descriptor)
