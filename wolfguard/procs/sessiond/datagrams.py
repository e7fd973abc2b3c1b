# SPDX-License-Identifier: GPL-3.0-or-later
"""DTLS of sessions' tunnels, as their workers report it: what is shown of it, and what is recorded.

A tunnel is on record with each suite that its DTLS came up with, and with each reason for which its client's DTLS was
refused, once each. That DTLS pauses and comes back the same is not recorded: TLS carries the tunnel meanwhile, and a
client could fill the trail with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from wolfguard.ipc.channel import Sender
from wolfguard.ipc.tunnels import DTLS12, DatagramFacts, TunnelDatagram
from wolfguard.policy.indicator import judge
from wolfguard.procs.sessiond.sessions import CONNECTED, Session
from wolfguard.procs.sessiond.state import State
from wolfguard.records.schema import FAILURE, SUCCESS

RECORDS_MAX: Final = 8
"""For one tunnel, whatever a captured worker makes up."""

_REFUSED: Final = "refused"
_UP: Final = "up"


def judged(state: State, session: Session, facts: DatagramFacts) -> DatagramFacts:
    """With the verdict of the site's profile; of a site that is gone there is none, and it stays not approved."""
    site = state.settings.site(session.site)
    if site is None:
        return facts
    found = judge(site.crypto, (facts.suite,), extended_master_secret=facts.extended_master_secret)
    return replace(facts, approved=found.approved, reasons=found.reasons)


class Datagrams:
    """The handler of workers' messages about DTLS."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def told(self, message: TunnelDatagram, sender: Sender) -> None:
        """A worker may speak about its own tunnels only, and an older one than the current says nothing."""
        session = self._state.sessions.get(message.session)
        if session is None or session.state != CONNECTED:
            return
        if session.slot != sender.slot or session.epoch != message.epoch:
            return
        # What it says is newer than the list of its tunnels that it may just be asked for.
        session.confirmed = True
        facts = judged(self._state, session, DatagramFacts(DTLS12, message.suite, message.extended_master_secret))
        if message.state == _REFUSED:
            self._record(session, FAILURE, facts, message.reason)
            return
        session.datagram = facts if message.state == _UP else None
        if session.datagram is not None:
            self._state.note_approval(session, facts.approved)
            self._record(session, SUCCESS, facts, "")

    def _record(self, session: Session, outcome: str, facts: DatagramFacts, reason: str) -> None:
        what = (facts, reason)
        if what in session.datagram_recorded or len(session.datagram_recorded) >= RECORDS_MAX:
            return
        session.datagram_recorded |= {what}
        self._state.ledger.record(
            "tunnel.datagram",
            outcome,
            who=session.user,
            where=session.peer.address if session.peer else "",
            session=session.number,
            reason=reason,
            epoch=session.epoch,
            version=facts.version,
            suite=facts.suite,
            extended_master_secret=facts.extended_master_secret,
            approved=outcome == SUCCESS and facts.approved,
            remarks="; ".join(facts.reasons),
        )
