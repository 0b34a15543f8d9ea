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
from reference.linux.pty_output import Cursor, plain_run, processed
from reference.linux.terminal_modes import Modes

WRITE_STEP_BYTES = 2048

Moments = tuple[int, ...]
"""For each buffer that was given back during a write, the piece before which that was; pieces count from 0."""


class AsIs:
    """Output without processing: what did not fit is tried once more, until nothing is taken."""

    looks_below_bytes = 1
    """With less room than this, it matters when the kernel makes some."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        """Where output stands; it is followed only where output is processed."""

    def put(self, queue: PtyBuffer, data: bytes, before_piece: Callable[[], object] = int) -> int:
        """Send what there is room for: the number of bytes of ``data`` that are done with.

        :param before_piece: called whenever room is looked for: it may make some.
        """
        sent = 0
        while sent < len(data):
            taken = queue.add(data[sent:], before_piece)
            if not taken:
                break
            sent += taken
        return sent

    def again(self) -> AsIs:
        """Output from the same state on."""
        return AsIs(self.cursor)


class Processed(AsIs):
    """Output with OPOST: runs of plain bytes in one piece, what is between them one by one."""

    looks_below_bytes = WRITE_STEP_BYTES

    def __init__(self, cursor: Cursor, modes: Modes) -> None:
        super().__init__(cursor)
        self._modes = modes

    def put(self, queue: PtyBuffer, data: bytes, before_piece: Callable[[], object] = int) -> int:
        sent = 0
        while sent < len(data):
            before_piece()
            room = queue.room()
            if room:
                run, self.cursor = plain_run(data[sent : sent + room], self.cursor, self._modes)
                sent += queue.add(data[sent : sent + run], before_piece)
                if sent == len(data):
                    break
            before_piece()
            output = processed(data[sent], self.cursor, self._modes, queue.room())
            if output is None:
                break
            queue.add(output[0], before_piece)
            self.cursor = output[1]
            sent += 1
        return sent

    def again(self) -> Processed:
        return Processed(self.cursor, self._modes)


class Filled(NamedTuple):
    """What came of a write: the bytes taken, and whether a step of it was taken in part only."""

    taken: int
    short: bool


def fill(queue: PtyBuffer, data: bytes, waits: bool, output: AsIs, before_piece: Callable[[], object]) -> Filled:
    """Put a write into a queue, step by step.

    :param waits: whether the writer sleeps, instead of trying another step, when a step was taken in part only.
    :param output: what becomes of the bytes on their way.
    :param before_piece: called before each piece: it may make room.
    """
    taken = 0
    short = False
    while taken < len(data):
        step = data[taken : taken + WRITE_STEP_BYTES]
        sent = output.put(queue, step, before_piece)
        taken += sent
        if sent < len(step):
            short = True
            if waits or not sent:
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


def possible_fills(queue: PtyBuffer, data: bytes, waits: bool, output: AsIs, room: int) -> list[Fill]:
    """Every way in which a write may go.

    :param output: what becomes of the bytes on their way; it is left as it is.
    :param room: the bytes that the discipline behind the queue takes before input waits.
    """
    fills = []
    histories: list[Moments] = [()]
    for moments in histories:
        filled, tight, given_back = _tried(queue, data, waits, output, moments, room)
        if given_back == len(moments):
            fills.append(filled)
            histories += [(*moments, moment) for moment in tight if moment >= max(moments, default=0)]
    return fills


def _tried(
    queue: PtyBuffer, data: bytes, waits: bool, output: AsIs, moments: Moments, room: int
) -> tuple[Fill, list[int], int]:
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
        if copy.room() < output.looks_below_bytes:
            tight.append(piece)
        for _ in range(moments.count(piece)):
            given_back += copy.pass_on_first(take)

    taken = fill(copy, data, waits, output.again(), before_piece).taken
    return Fill(taken, queue, moments, copy), tight, given_back
