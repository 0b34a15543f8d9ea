# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What can go wrong around a run, each with the exit code that tells a script about it."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the command line tells a script."""

    CONFORMS = 0
    DIVERGES = 1
    EXPECTATIONS_WRONG = 2
    ADAPTER_FAILED = 3
    INCONCLUSIVE = 4
    USAGE = 64


class ConformanceError(Exception):
    """One clear error: what is wrong, where, and how to mend it."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """Join the parts that are there, in the order a reader needs them."""
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  mend: {self.hint}" if self.hint else text


class BadProgram(ConformanceError):
    """A program text, or a program, that cannot be run."""


class BadTrace(BadProgram):
    """A stored trace that is cut short or malformed."""


class SystemFailed(ConformanceError):
    """A system under test, or its worker, broke down."""

    exit_code = ExitCode.ADAPTER_FAILED


class ProgramFailed(SystemFailed):
    """A system did not survive a program, or did not answer for it in time."""


class Inconclusive(ConformanceError):
    """The run could not decide: environment or budget."""

    exit_code = ExitCode.INCONCLUSIVE
