# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""How much of a large write goes into the queue of a pseudoterminal while the kernel empties it at the other end.

The kernel takes a write in steps of :data:`WRITE_STEP_BYTES`, and a step piece by piece (:class:`PtyBuffer`).
When a piece is refused, the rest of its step is tried once more, and then, unless the writer would sleep there,
the next step. Meanwhile the kernel reads the buffers of the queue one after the other, and each that it gives back
makes room for the pieces that follow. When it does so is a matter of speed:
each history is tried (:func:`possible_fills`), and what was observed tells which it may have been.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import NamedTuple

from reference.linux.pty_buffer import PtyBuffer

WRITE_STEP_BYTES = 2048

Moments = tuple[int, ...]
"""For each buffer that was given back during a write, the piece before which that was; pieces count from 0."""


class Filled(NamedTuple):
    """What came of a write: the bytes taken, and whether a step of it was taken in part only."""

    taken: int
    short: bool


def fill(queue: PtyBuffer, data: bytes, waits: bool, before_piece: Callable[[], None]) -> Filled:
    """Put a write into a queue, step by step.

    :param waits: whether the writer sleeps, instead of trying another step, when a step was taken in part only.
    :param before_piece: called before each piece: it may make room.
    """
    taken = 0
    short = False
    while taken < len(data):
        start = taken
        end = min(start + WRITE_STEP_BYTES, len(data))
        while taken < end:
            added = queue.add(data[taken:end], before_piece)
            if not added:
                break
            taken += added
        if taken < end:
            short = True
            if waits or taken == start:
                break
    return Filled(taken, short)


def at_moments(moments: Moments, pass_on_first: Callable[[], object]) -> Callable[[], None]:
    """What :func:`fill` calls before each piece: passes on as many buffers as were given back then."""
    pieces = count()

    def before_piece() -> None:
        for _ in range(moments.count(next(pieces))):
            pass_on_first()

    return before_piece


class Fill(NamedTuple):
    """One way in which a write may go: the bytes taken, from which queue on and how, and the queue it leaves."""

    taken: int
    start: PtyBuffer
    moments: Moments
    queue: PtyBuffer


def possible_fills(queue: PtyBuffer, data: bytes, waits: bool, room: int) -> list[Fill]:
    """Every way in which a write may go.

    :param room: the bytes that the discipline behind the queue takes before input waits.
    """
    fills = []
    histories: list[Moments] = [()]
    for moments in histories:
        filled, tight, given_back = _tried(queue, data, waits, moments, room)
        if given_back == len(moments):
            fills.append(filled)
            histories += [(*moments, moment) for moment in tight if moment >= max(moments, default=0)]
    return fills


def _tried(queue: PtyBuffer, data: bytes, waits: bool, moments: Moments, room: int) -> tuple[Fill, list[int], int]:
    """A copy of the queue is filled: also the pieces before which room was short, and how many buffers were given back.

    To give a buffer back while there is room for the next piece changes no more than to do so when room is short.
    """
    copy = queue.copy()
    pieces = count()
    tight = []
    given_back = 0
    left = room

    def take(data: bytes) -> int:
        nonlocal left
        taken = min(len(data), left)
        left -= taken
        return taken

    def before_piece() -> None:
        nonlocal given_back
        piece = next(pieces)
        if copy.room() == 0:
            tight.append(piece)
        for _ in range(moments.count(piece)):
            given_back += copy.pass_on_first(take)

    taken = fill(copy, data, waits, before_piece).taken
    return Fill(taken, queue, moments, copy), tight, given_back
