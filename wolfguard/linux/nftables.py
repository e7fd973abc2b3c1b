# SPDX-License-Identifier: GPL-3.0-or-later
"""libnftables through ctypes: JSON commands in, JSON answers out (libnftables-json(5)).

One call of `run` is one transaction: all of it takes effect, or nothing. Load it before the sandbox, since the library
opens files at its start; afterwards it needs sockets of NETLINK_NETFILTER and CAP_NET_ADMIN alone, no program to
execute. What the rules say is in `firewall`.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Sequence
from typing import Any, Final

from wolfguard.errors import LocalError, StartError

Command = dict[str, Any]

_LIBRARY: Final = "libnftables.so.1"
_OUTPUT_JSON: Final = 1 << 4
_OUTPUT_NUMERIC: Final = (1 << 7) | (1 << 8)  # protocols and priorities as numbers: no look-up in /etc


class NftablesError(LocalError):
    """The kernel or the library refused; the text is the library's, shortened to one line."""


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise StartError(f"cannot load {_LIBRARY}: {error}; install the package libnftables1") from error
    context, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint
    for name, result, arguments in (
        ("nft_ctx_new", context, [ctypes.c_uint32]),
        ("nft_ctx_free", None, [context]),
        ("nft_ctx_output_set_flags", None, [context, size]),
        ("nft_ctx_buffer_output", ctypes.c_int, [context]),
        ("nft_ctx_buffer_error", ctypes.c_int, [context]),
        ("nft_ctx_get_output_buffer", text, [context]),
        ("nft_ctx_get_error_buffer", text, [context]),
        ("nft_run_cmd_from_buffer", ctypes.c_int, [context, text]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _one_line(text: bytes | None) -> str:
    """The first lines of the library's complaint; it goes on with the whole input underlined."""
    lines = [line.strip() for line in (text or b"").decode("utf-8", "replace").splitlines()]
    complaints = [line for line in lines if "rror" in line] or [line for line in lines if line]
    return "; ".join(complaints[:3])[:500] or "no reason given"


class Nftables:
    """A context of the library, in the network namespace that the process has at this moment."""

    def __init__(self) -> None:
        self._library = _library()
        self._context = self._library.nft_ctx_new(0)
        if not self._context:
            raise StartError("libnftables gave no context; it needs memory and a netlink socket")
        self._library.nft_ctx_output_set_flags(self._context, _OUTPUT_JSON | _OUTPUT_NUMERIC)
        if self._library.nft_ctx_buffer_output(self._context) or self._library.nft_ctx_buffer_error(self._context):
            raise StartError("libnftables gave no buffers for its answers")

    def run(self, commands: Sequence[Command]) -> list[dict[str, Any]]:
        """Runs the commands as one transaction and returns the objects that they list. Raises NftablesError."""
        text = json.dumps({"nftables": list(commands)}).encode("ascii")
        failed = self._library.nft_run_cmd_from_buffer(self._context, text)
        output = self._library.nft_ctx_get_output_buffer(self._context)
        complaint = self._library.nft_ctx_get_error_buffer(self._context)
        if failed:
            raise NftablesError(f"nftables: {_one_line(complaint)}")
        if not output or not output.strip():
            return []
        try:
            listed = json.loads(output)["nftables"]
        except (ValueError, KeyError, TypeError) as error:
            raise NftablesError("nftables: an answer that is no JSON object with a list of objects") from error
        return [entry for entry in listed if isinstance(entry, dict)]

    def close(self) -> None:
        if self._context:
            self._library.nft_ctx_free(self._context)
            self._context = None
