# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""gVisor takes attributes that Linux refuses: no program finds those that another one set on what all share."""

from __future__ import annotations

import os

import pytest

from conformance.environment import profile_for, working_base
from conformance.grammar import read_program
from conformance.named_systems import named_systems, subject_of
from conformance.runners import started

SYSTEM = named_systems()["gvisor"]


@pytest.mark.alternative
@pytest.mark.once
@pytest.mark.skipif(bool(SYSTEM.missing) or os.getuid() != 0, reason="needs root, and runsc")
@pytest.mark.parametrize("opening", ['open("/dev/null", O_RDONLY, 0)', 'open(".", O_RDONLY | O_DIRECTORY, 0)'])
def test_an_attribute_of_what_all_programs_share_goes_with_its_program(opening: str) -> None:
    subject = subject_of("gvisor")
    assert subject is not None
    setting = read_program(f'r0 = {opening}\nfsetxattr(r0, "trusted.", b"x", 0)\nflistxattr(r0, 100)').ops
    listing = read_program(f"r0 = {opening}\nflistxattr(r0, 100)").ops

    with started(subject, profile_for(working_base(None)), working_base(None)) as system:
        observed = system.run([setting, listing])

    assert observed == [[3, 0, (9, ("trusted.",))], [3, (0, ())]]
