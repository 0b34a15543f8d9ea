# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What the caller does with signals (signal(7)): each is caught, ignored or blocked.

A caught signal is recorded with the call during which it came. A blocked one stays pending, once,
until it is unblocked; an ignored one that is not blocked is forgotten on the spot.
SIGCONT takes pending stop signals away, and a stop signal a pending SIGCONT, whatever becomes of either.
"""

from __future__ import annotations

from collections.abc import Callable

from reference.constants.signals import SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU

STOP_SIGNALS = frozenset((SIGTSTP, SIGTTIN, SIGTTOU))
_CANCELLED: dict[int, frozenset[int]] = {
    SIGCONT: STOP_SIGNALS,
    **dict.fromkeys(STOP_SIGNALS, frozenset((SIGCONT,))),
}


class Reactions:
    """``record`` hears of each signal that is caught, which at first every signal is; ``cite`` of the rules."""

    __slots__ = ("_cite", "_record", "blocked", "ignored", "pending")

    def __init__(self, record: Callable[[int], None], cite: Callable[[str], None]) -> None:
        self._record = record
        self._cite = cite
        self.ignored: set[int] = set()
        self.blocked: set[int] = set()
        self.pending: set[int] = set()

    def shuns(self, number: int) -> bool:
        """Whether a signal would have no effect now: what a terminal asks before it stops anybody."""
        return number in self.ignored or number in self.blocked

    def send(self, number: int) -> None:
        """A signal comes."""
        if not self.pending.isdisjoint(_CANCELLED.get(number, ())):
            self._cite("JOB-CONT-CANCELS")
            self.pending -= _CANCELLED[number]
        if number in self.blocked:
            self.pending.add(number)
        elif number not in self.ignored:
            self._record(number)

    def ignore(self, number: int, ignored: bool) -> None:
        """Ignore a signal, which is forgotten where it was pending; or catch it."""
        if ignored:
            self.ignored.add(number)
            self.pending.discard(number)
        else:
            self.ignored.discard(number)

    def block(self, numbers: set[int]) -> None:
        """Block just these signals; those pending that no longer are come now, unless they are ignored."""
        self.blocked = numbers
        for number in sorted(self.pending - numbers):
            self.pending.discard(number)
            if number not in self.ignored:
                self._record(number)
