# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Conditions of waivers: what they may ask, how versions compare, and what is refused."""

from __future__ import annotations

import pytest

from conformance.conditions import Facts, check_condition, facts_of, holds
from reference.linux.profile import TMPFS, Profile

FACTS = Facts((6, 10), "tmpfs", 1000, root=False, machine="x86_64", release=(0, 20221219, 0))


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ("", True),
        ("kernel < 6.4", False),
        ("kernel > 6.4", True),
        ("kernel == 6.10", True),
        ("kernel == 6.1", False),
        ("6 < kernel <= 6.10", True),
        ("kernel >= '6.10'", True),
        ("fs == 'tmpfs'", True),
        ("fs in ('ext4', 'xfs')", False),
        ("fs not in ['ext4', 'xfs']", True),
        ("uid == 0", False),
        ("root", False),
        ("not root and machine == 'x86_64'", True),
        ("kernel < 6.4 and fs == 'tmpfs' or uid in (0, 1000)", True),
        ("release < '0.20230101'", True),
        ("release == '0.20221219.0'", True),
    ],
)
def test_a_condition_holds_of_some_facts(condition: str, answer: bool) -> None:
    check_condition(condition or "root")

    assert answer is holds(condition, FACTS)


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("kernel <", "not understood"),
        ("kernel < 'new'", "column 10: expected a version"),
        ("kernel < True", "expected a version"),
        ("kernel < -6", "expected a version"),
        ("fs == 3", "expected a text"),
        ("fs < 'x'", "column 1: a text is compared with"),
        ("uid == '0'", "expected a whole number"),
        ("root == 1", "root cannot be compared"),
        ("colour == 'blue'", "column 1: colour cannot be compared; what can: kernel, fs"),
        ("fs in 'ext4'", "expected a list"),
        ("fs in ()", "expected a list"),
        ("1 < 2", "compare one of"),
        ("kernel is 6", "compare with"),
        ("kernel", "expected a comparison"),
        ("__import__('os').system('true')", "expected a comparison"),
        ("root or colour == 'blue'", "column 9: colour cannot be compared"),
        ("(" * 90 + "root" + ")" * 90, ""),
        ("not " * 99 + "root", ""),
        ("not " * 100 + "root", "longer than"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_column(condition: str, says: str) -> None:
    if not says:
        check_condition(condition)
        return
    with pytest.raises(ValueError, match=r".") as caught:
        check_condition(condition)
    assert says in str(caught.value)


def test_the_facts_of_a_run_are_those_of_its_profile_and_its_system() -> None:
    facts = facts_of(Profile(kernel=(6, 6), filesystem=TMPFS, uid=5, capable=False), "runsc version 0.0~20221219.0")

    assert ((6, 6), "tmpfs", 5, False) == (facts.kernel, facts.fs, facts.uid, facts.root)
    assert (0, 0, 20221219, 0) == facts.release
