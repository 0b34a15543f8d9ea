# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs: small wrong systems with which the suite proves that it finds what it says it finds.

Each one is the model, or the kernel we run on, with one behaviour made wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conformance.grammar import read_program
from conformance.interpreter import System
from conformance.ops import Op
from reference.linux.profile import Profile


@dataclass(frozen=True)
class PlantedBug:
    """One wrong system.

    ``kind`` is its subject, ``what`` says in one sentence what is wrong with it.
    ``programs`` names the kind of programs (:mod:`conformance.kinds`) that should find it.
    ``minimal`` is the shortest program that shows it, as text.
    ``make`` makes the wrong system; of a bug over the kernel itself, ``native`` names the class for the worker instead.
    ``law`` names the law (:mod:`conformance.laws`) whose model is the right one.
    """

    name: str
    kind: str
    what: str
    programs: str
    minimal: str
    make: Callable[[Profile], System] | None = None
    native: str = ""
    law: str = "linux"

    @property
    def minimal_ops(self) -> tuple[Op, ...]:
        """The ops of the shortest program."""
        return read_program(self.minimal, f"planted bug {self.name}").ops
