# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a classic BPF program on one `struct seccomp_data`, as the kernel would."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tests.unit import classic_bpf


def run(program: bytes, architecture: int, number: int, arguments: Sequence[int] = ()) -> int:
    """The action that the program returns. Raises AssertionError for what the kernel would not load."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<iIQ6Q", number if number < 2**31 else number - 2**32, architecture, 0, *padded)

    def load(width: int, offset: int) -> int:
        assert width == 4
        assert offset % 4 == 0
        return int(struct.unpack_from("<I", data, offset)[0])

    return classic_bpf.run(program, load)
