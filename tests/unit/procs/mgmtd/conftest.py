# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls, in place of what the kernel says of this test's own process."""

from __future__ import annotations

from typing import Any

import pytest

from wolfguard.procs.mgmtd.roles import Accounts, Credentials, Role


@pytest.fixture
def caller_is(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes every caller somebody with this user and these groups, as the kernel would say."""

    def set_credentials(uid: int, *groups: int) -> Accounts:
        found = Credentials(uid, frozenset(groups))
        monkeypatch.setattr("wolfguard.procs.mgmtd.server.peer_credentials", lambda connection: found)
        by_group = {901: Role.AUDITOR, 902: Role.OPERATOR, 903: Role.ADMIN}
        return Accounts(by_group, {1001: "ann"})

    return set_credentials
