# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall's table in the kernel, and which access list each client's network is under in it.

One transaction of nftables is one step: a client's elements change together, and a new table comes with the elements of
all clients, so that no packet ever meets half of it. A client whose list the table does not have gets no element, which
means that it reaches nothing; it gets one with the table that has the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wolfguard.errors import LocalError
from wolfguard.linux import firewall, nft_counters
from wolfguard.linux.firewall import Ruleset
from wolfguard.linux.netlink_socket import NETFILTER, NetlinkSocket
from wolfguard.linux.nft_counters import Counted
from wolfguard.linux.nftables import Nftables, NftablesError
from wolfguard.linux.rtnetlink import Network
from wolfguard.procs import log

events = log.Log(__name__)


class Rules:
    def __init__(self) -> None:
        """Raises LocalError."""
        self._nftables = Nftables()
        try:
            self._netlink = NetlinkSocket(NETFILTER)
        except LocalError:
            self._nftables.close()
            raise
        self._rules: Ruleset | None = None
        self._lists: frozenset[str] = frozenset()
        self._placed: dict[Network, str] = {}

    def close(self) -> None:
        self._nftables.close()
        self._netlink.close()

    def found(self) -> dict[Network, str]:
        """Which list each network is under in the table of a predecessor; empty when there is none."""
        try:
            return firewall.read_clients(self._nftables.run(firewall.table_request()))
        except NftablesError:
            return {}

    def load(self, rules: Ruleset) -> None:
        """Puts a table with these rules in place of what is there. Raises NftablesError, having changed nothing."""
        lists = frozenset({"", *(each.name for each in rules.access_lists)})
        placed = {network: access for network, access in self._placed.items() if access in lists}
        self._nftables.run(firewall.replacement(rules, self.counters(), placed))
        self._rules, self._lists = rules, lists

    def place(self, wanted: Mapping[Network, str]) -> None:
        """Puts networks under their lists. Raises NftablesError; then all of them are as they were."""
        self._move(dict(wanted))

    def remove(self, gone: Iterable[Network]) -> None:
        """These reach nothing any more."""
        self._move(dict.fromkeys(gone))

    def _known(self, access: str | None) -> str | None:
        return access if access in self._lists else None

    def _note(self, wanted: Mapping[Network, str | None]) -> None:
        for network, access in wanted.items():
            if access is None:
                self._placed.pop(network, None)
            else:
                self._placed[network] = access

    def _move(self, wanted: Mapping[Network, str | None]) -> None:
        """None: under no list."""
        was = {network: self._placed.get(network) for network in wanted}
        before, after = ({network: self._known(each[network]) for network in wanted} for each in (was, wanted))
        self._note(wanted)
        commands = firewall.place(before, after)
        if not commands or self._rules is None:
            return
        try:
            self._nftables.run(commands)
        except NftablesError as error:
            # Somebody has changed the table under us: it is written anew, with what this process knows.
            events.warning("elements_not_placed", count=len(wanted), error=str(error))
            try:
                self.load(self._rules)
            except NftablesError:
                self._note(was)
                raise

    def counters(self) -> dict[str, Counted]:
        """What the rules have dropped, by reason; empty when the table is not there."""
        listed = self._netlink.dump("list the rules' counters", nft_counters.list_counters(firewall.TABLE))
        found = dict(filter(None, (nft_counters.read_counter(message, firewall.TABLE) for message in listed)))
        return {name: found[name] for name in firewall.COUNTERS if name in found}

    def clear(self) -> None:
        """Removes the table. Raises NftablesError."""
        self._nftables.run(firewall.removal())
        self._rules = None
