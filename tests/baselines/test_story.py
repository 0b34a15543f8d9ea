# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The life of a bug, from the day it appears to the day it comes back in another way."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from conformance.errors import ExitCode

if TYPE_CHECKING:
    from .conftest import Toy

pytestmark = pytest.mark.once


def test_a_bug_appears_is_waived_is_fixed_and_comes_back_changed_on_another_release(toy: Toy) -> None:
    # A bug appears: the run fails, and prints a card.
    appears = toy.run("closed-works")
    (bug,) = toy.divergences()
    assert ExitCode.DIVERGES == appears.returncode
    assert f"DIVERGES  {bug.bucket}  close on pipe.read: model EBADF, toy 0" in appears.stderr
    assert "1 failed" in appears.stdout.splitlines()[-1]
    assert ExitCode.CONFORMS == toy.fdconform("baseline", "save", "first").returncode

    # It is waived: the run is green.
    reason = ("--reason", "closing twice is harmless here", "--fixtures", str(toy.fixtures))
    waived = toy.fdconform("waive", "add", *reason)
    assert ExitCode.CONFORMS == waived.returncode, waived.stderr
    green = toy.run("closed-works")
    assert ExitCode.CONFORMS == green.returncode, green.stdout
    assert "waived       1 bucket of known divergences" in green.stdout
    assert ExitCode.CONFORMS == toy.fdconform("compare", "first").returncode

    # It is fixed: the waiver is stale, and the message ends in the command that mends it.
    fixed = toy.run("honest")
    assert ExitCode.EXPECTATIONS_WRONG == fixed.returncode
    (mend,) = [line.split("mend", 1)[1] for line in fixed.stdout.splitlines() if line.startswith("  mend")]
    compared = toy.fdconform("compare", "first")
    assert compared.stdout.startswith(f"since first: nothing new, 1 fixed\n  fixed        {bug.bucket}")
    assert ExitCode.CONFORMS == toy.command(*shlex.split(mend)[1:]).returncode
    assert ExitCode.CONFORMS == toy.run("honest").returncode

    # It comes back in another way, on another release: changed, and the environment is said to be another.
    back = toy.run("closed-eio", release="2")
    (changed,) = toy.divergences()
    assert ExitCode.DIVERGES == back.returncode
    compared = toy.fdconform("compare", "first")
    assert ExitCode.DIVERGES == compared.returncode
    assert "since first: 1 changed; environment changed: system\n" in compared.stdout
    assert "environment  system: toy 1 → toy 2\n" in compared.stdout
    assert f"changed      {changed.bucket} (was {bug.bucket})" in compared.stdout
