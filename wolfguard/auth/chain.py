# SPDX-License-Identifier: GPL-3.0-or-later
"""Several backends in one login: all of them, one after the other, or any of them.

Both are conversations made of conversations, so that a login does not know how many there are. *All*: the first names
the user, each further one must accept the same user, and what they say about the user adds up. *Any*: the client fills
in one form, which is put to each backend in turn until one accepts or asks for more; a wrong password is one failure,
however many backends have refused it. Where one backend cannot decide, the others still may; if none accepts, the
failure of those that could decide counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wolfguard.auth.backend import (
    Accept,
    Admitted,
    Ask,
    Backend,
    Begin,
    Claim,
    Conversation,
    Filled,
    Heard,
    Reject,
    Step,
    Unavailable,
)
from wolfguard.errors import LocalError

ALL = "all"
ANY = "any"


@dataclass(frozen=True, slots=True)
class Factors:
    """What a site or a group asks for: backends in order, and whether ALL must accept or ANY may."""

    backends: tuple[Backend, ...]
    combine: str = ALL

    @property
    def method(self) -> str:
        """For records."""
        return (" and " if self.combine == ALL else " or ").join(backend.name for backend in self.backends)

    def converse(self) -> Conversation:
        """A fresh conversation with all of them."""
        conversations = tuple(backend.converse() for backend in self.backends)
        if len(conversations) == 1:
            return conversations[0]
        return EveryOne(conversations) if self.combine == ALL else FirstOf(conversations)


class EveryOne:
    """Each of `conversations` must accept, in order."""

    def __init__(self, conversations: Sequence[Conversation]) -> None:
        self._conversations = conversations
        self._at = 0
        self._accepted: list[Accept] = []

    def advance(self, heard: Heard) -> Step:
        if isinstance(heard, Begin):
            self._at, self._accepted = 0, []
        step = self._conversations[self._at].advance(heard)
        while isinstance(step, Accept):
            if self._accepted and step.user != self._accepted[0].user:
                raise LocalError("a further factor accepted another user than the first")
            self._accepted.append(step)
            if len(self._accepted) == len(self._conversations):
                return self._all()
            self._at += 1
            step = self._conversations[self._at].advance(Begin(step.user))
        return step

    def close(self) -> tuple[str, ...]:
        return tuple(name for each in self._conversations for name in each.close())

    def _all(self) -> Accept:
        groups = dict.fromkeys(group for each in self._accepted for group in each.groups)
        attributes = dict.fromkeys(attribute for each in self._accepted for attribute in each.attributes)
        messages = "\n".join(each.message for each in self._accepted if each.message)
        by = tuple(each for accept in self._accepted for each in accept.by)
        return Accept(self._accepted[0].user, tuple(groups), tuple(attributes), messages, by)


class FirstOf:
    """One of `conversations` accepts. The first form is the first one's; the others hear what was filled in there."""

    _first: Filled | None
    _rejected: Reject | None
    _undecided: Unavailable | None

    def __init__(self, conversations: Sequence[Conversation]) -> None:
        self._conversations = conversations
        self._restart()

    def advance(self, heard: Heard) -> Step:
        if isinstance(heard, Begin):
            self._restart()
            self._begin = heard
            return self._conversations[0].advance(heard)
        if isinstance(heard, Filled) and not self._asked_more:
            self._first = heard
        return self._next(self._conversations[self._at].advance(heard))

    def close(self) -> tuple[str, ...]:
        self._restart()
        return tuple(name for each in self._conversations for name in each.close())

    def _restart(self) -> None:
        self._at = 0
        self._begin = Begin()
        self._first = None
        self._rejected = None
        self._undecided = None
        self._asked_more = False

    def _next(self, step: Step) -> Step:
        while isinstance(step, Reject | Unavailable):
            if isinstance(step, Reject):
                known = step.known or (self._rejected is not None and self._rejected.known)
                self._rejected = Reject(step.reason, known, step.message)
            else:
                self._undecided = step
            if self._asked_more or self._at + 1 == len(self._conversations):
                return self._verdict()
            self._at += 1
            step = self._replay()
        self._asked_more = self._asked_more or isinstance(step, Ask)
        if isinstance(step, Accept | Ask):
            self._first = None
        return step

    def _replay(self) -> Step:
        """Puts the same answers to the next backend: they are admitted already."""
        conversation = self._conversations[self._at]
        step = conversation.advance(self._begin)
        if isinstance(step, Ask):
            if self._first is None:
                raise LocalError("a login was checked before anything was filled in")
            step = conversation.advance(self._first)
        return conversation.advance(Admitted()) if isinstance(step, Claim) else step

    def _verdict(self) -> Step:
        rejected, undecided = self._rejected, self._undecided
        self._restart()
        step = rejected or undecided
        if step is None:
            raise LocalError("no backend has said anything")
        return step
