# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The native worker in C: the same parent watches it, and gives it the same guarantees.

The worker in Python generates and judges its programs itself, so that nothing crosses a pipe.
This one only runs them: its parent generates and judges programs, a few at a time, so that they stay in its caches.

Programs are sent as they are, tuples as arrays, which says all since both sides know the vocabulary;
observations come back as the wire protocol has them. What a worker of our own sends is not checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from conformance.interpreter import System
from conformance.judging import NamedProgram, Result, Task, judge, programs_of
from conformance.lockstep import run_along
from conformance.observation import Observation
from conformance.ops import Op
from conformance.oracle import Mismatch
from conformance.systems.frames import Closed, receive_bytes, send_bytes
from conformance.systems.native_worker import PROGRAM_DEADLINE_S, NativeWorker
from conformance.wire.trusted import observations_of
from reference.linux.profile import Profile

_ENCODER = msgspec.json.Encoder(enc_hook=str)
"""The names of results are more than plain strings to Python, and no more than that on the wire."""
PROGRAMS_AT_ONCE = 16
_DECODER = msgspec.json.Decoder()


class CNativeWorker(NativeWorker):
    """Runs programs on the kernel by ``binary``, which :mod:`conformance.systems.c_binary` builds."""

    def __init__(
        self, binary: Path, profile: Profile, base: Path | None = None, deadline_s: float = PROGRAM_DEADLINE_S
    ) -> None:
        super().__init__(profile, base, deadline_s=deadline_s)
        self._command = [str(binary)]

    def run(self, programs: Sequence[tuple[Op, ...]]) -> list[list[Observation]]:
        """As the worker in Python."""
        return list(self._answers(programs))

    def run_alone(self, program: tuple[Op, ...]) -> list[Observation]:
        """As the worker in Python."""
        (observed,) = self._answers([program], alone=True)
        return observed

    def perform(self, argument: Task) -> Result:
        """Judge a batch here: no other function can be performed than that."""
        answers: Iterator[list[Observation]] = iter(())

        def some_at_once() -> Iterator[NamedProgram]:
            nonlocal answers
            programs = iter(programs_of(argument))
            first = 0
            while some := list(islice(programs, PROGRAMS_AT_ONCE)):
                answers = self._answers([ops for _, ops in some], first=first)
                yield from some
                next(answers, None)  # There is none, but then all has been cleared away, and its time counted.
                first += len(some)

        def examine(number: int, ops: tuple[Op, ...], model: System) -> tuple[list[Observation], Mismatch | None]:
            return run_along(ops, next(answers), model)

        return judge(argument, examine, some_at_once())

    def _await_start(self) -> None:
        """It has nothing to load."""

    def _introduce(self, settings: dict[str, Any]) -> None:
        send_bytes(self._requests, _ENCODER.encode(settings))
        self._answer()

    def _answers(
        self, programs: Sequence[tuple[Op, ...]], *, alone: bool = False, first: int = 0
    ) -> Iterator[list[Observation]]:
        """What each program gives, as it comes; ``first`` is the number of the first of them in its batch.

        At the end all that the programs made has been cleared away.
        """
        whole = False
        try:
            self._begin()
            send_bytes(self._requests, _ENCODER.encode((alone, first, programs)))
            for ops in programs:
                yield observations_of(ops, self._answer())
            self._answer()
            whole = True
        except (Closed, BrokenPipeError):
            raise self._died("was killed or crashed") from None
        finally:
            if not whole:
                # What is left of the answers would be taken for those of other programs.
                self._stop()

    def _answer(self) -> Any:
        """The next message: observations, or none when the worker is done."""
        self._wait()
        message = _DECODER.decode(receive_bytes(self._replies))
        if isinstance(message, str):
            raise self._died(f"gave up: {message}")
        return message
