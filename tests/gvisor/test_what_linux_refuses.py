# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""gVisor takes what Linux refuses: the worker clears it away behind a program, and knows it from an error."""

from __future__ import annotations

import os

import pytest

from conformance.environment import profile_for, working_base
from conformance.grammar import read_program
from conformance.named_systems import named_systems, subject_of
from conformance.observation import Observation
from conformance.ops import Op
from conformance.runners import started

SYSTEM = named_systems()["gvisor"]
pytestmark = [
    pytest.mark.alternative,
    pytest.mark.once,
    pytest.mark.skipif(bool(SYSTEM.missing) or os.getuid() != 0, reason="needs root, and runsc"),
]


def observed(programs: list[tuple[Op, ...]]) -> list[list[Observation]]:
    """What programs give that run one behind the other in one sandbox."""
    subject = subject_of("gvisor")
    assert subject is not None
    with started(subject, profile_for(working_base(None)), working_base(None)) as system:
        return system.run(programs)


@pytest.mark.parametrize("opening", ['open("/dev/null", O_RDONLY, 0)', 'open(".", O_RDONLY | O_DIRECTORY, 0)'])
def test_an_attribute_of_what_all_programs_share_goes_with_its_program(opening: str) -> None:
    setting = read_program(f'r0 = {opening}\nfsetxattr(r0, "trusted.", b"x", 0)\nflistxattr(r0, 100)').ops
    listing = read_program(f"r0 = {opening}\nflistxattr(r0, 100)").ops

    assert observed([setting, listing]) == [[3, 0, (9, ("trusted.",))], [3, (0, ())]]


def test_all_seals_at_once_are_no_error() -> None:
    sealing = 'r0 = memfd_create("f", MFD_ALLOW_SEALING)\nfcntl(r0, F_ADD_SEALS, -1)\nfcntl(r0, F_GET_SEALS)'

    assert observed([read_program(sealing).ops]) == [[3, 0, -1]]
