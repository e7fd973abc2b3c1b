# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request between processes can end with, other than its reply."""

from __future__ import annotations

from wolfguard.errors import WolfguardError


class IpcError(WolfguardError):
    """The other process answered "no". `code` is a stable word, `text` a sentence for people.

    A handler raises it to answer so; codes of this package: "busy", "internal", "too_large", "timeout", "closed".
    """

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code = code
        self.text = text


class IpcTimeout(IpcError):  # noqa: N818 - named after what happened
    """No answer in time; a late one is ignored."""

    def __init__(self, text: str = "") -> None:
        super().__init__("timeout", text)


class IpcClosed(IpcError):  # noqa: N818 - named after what happened
    """The channel ended before the answer came, or had ended already."""

    def __init__(self, text: str = "") -> None:
        super().__init__("closed", text)
