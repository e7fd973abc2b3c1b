# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a caller on the management socket is, by what the kernel says of it, and so which role it has.

Owns the roles and their groups. A role comes from the groups that the caller's process has at the moment, not from
the group database: a new member must log in again. Reads the account database once, before confinement.
"""

from __future__ import annotations

import enum
import errno
import grp
import pwd
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wolfguard.ipc.management import Actor

SO_PEERGROUPS: Final = 59
GROUPS_MAX: Final = 256
"""As many as Python's getsockopt has room for."""
ACCOUNTS_MAX: Final = 10_000

_CREDENTIALS = struct.Struct("iII")


class Role(enum.IntEnum):
    """Each role may do all that the ones below it may."""

    NOBODY = 0
    AUDITOR = 1
    OPERATOR = 2
    ADMIN = 3


GROUPS: Final[Mapping[Role, str]] = {
    Role.ADMIN: "wolfguard-admin",
    Role.OPERATOR: "wolfguard-operator",
    Role.AUDITOR: "wolfguard-auditor",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of the process that connected: its user, and all its groups."""

    uid: int
    groups: frozenset[int]


@dataclass(frozen=True, slots=True)
class Accounts:
    """The part of the account database that roles need. A group that does not exist gives its role to nobody."""

    roles: Mapping[int, Role]
    names: Mapping[int, str]

    def role(self, caller: Credentials) -> Role:
        if caller.uid == 0:
            return Role.ADMIN
        return max((self.roles[gid] for gid in caller.groups if gid in self.roles), default=Role.NOBODY)

    def actor(self, caller: Credentials) -> Actor:
        name = self.names.get(caller.uid, f"uid:{caller.uid}")
        return Actor(caller.uid, name, self.role(caller).name.lower())


def read_accounts() -> Accounts:
    """Looks groups and users up; opens files, so before confinement."""
    roles: dict[int, Role] = {}
    for role, group in GROUPS.items():
        try:
            roles[grp.getgrnam(group).gr_gid] = role
        except KeyError:
            continue
    names: dict[int, str] = {}
    for entry in pwd.getpwall()[:ACCOUNTS_MAX]:
        names.setdefault(entry.pw_uid, entry.pw_name)
    return Accounts(roles, names)


def peer_credentials(connection: socket.socket) -> Credentials:
    """Of a connected Unix socket, as they were when the peer connected. Raises OSError when they cannot be had.

    A caller in more than GROUPS_MAX groups is taken by its user and first group alone: it may lose a role, never gain.
    """
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, gid = _CREDENTIALS.unpack(raw)
    try:
        more = connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, 4 * GROUPS_MAX)
    except OSError as error:
        if error.errno != errno.ERANGE:
            raise
        more = b""
    return Credentials(uid, frozenset((gid, *struct.unpack(f"{len(more) // 4}I", more))))
