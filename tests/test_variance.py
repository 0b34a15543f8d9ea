# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Rules that vary: the data and the model say the same, this machine is asked, and the page is up to date."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from conformance.clauses import Variant, load_clauses, read_clauses
from conformance.commands.doctor import probe
from conformance.commands.listing import variance_rows
from conformance.conditions import facts_of, holds
from conformance.environment import profile_for, working_base
from conformance.errors import ConformanceError
from conformance.grammar import read_program
from conformance.laws import linux
from conformance.oracle import predict
from conformance.profiles import known_filesystems, neighbours
from conformance.reporting.variance import variance_text
from conformance.resemblance import resembling
from conformance.variance import Rule, probed, rules, shown
from reference.linux.profile import TMPFS, Profile

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "variance.md"
COMMAND = "fdconform list variance --format markdown > docs/reference/variance.md"
RULES = rules()
STATX = next(rule for rule in RULES if rule.clause.id == "STATX-FLAGS")
CLAUSE = '[A-B]\nstatement = "s"\nlevel = "linux"\nsource = "x(2)"\n'
VARIANT = '[[A-B.varies]]\nwhen = "kernel < 6.11"\nthen = "t"\nprobe = \'close(r0)\'\n'


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_model_has_the_rule_where_the_clause_says_and_another_elsewhere(rule: Rule) -> None:
    told = shown(rule)

    assert holds(rule.variant.when, facts_of(rule.there))
    assert not holds(rule.variant.when, facts_of(rule.elsewhere))
    assert told.there != told.elsewhere
    assert len(rule.probe) - 1 == told.index, "the last op of a probe is the one that tells"


def test_this_machine_is_in_every_rule_what_its_profile_says() -> None:
    base = working_base(None)

    assert [] == [answer for answer in probe(profile_for(base), base) if not answer.well]


def test_a_machine_that_is_not_what_its_profile_says_is_named_with_the_rule() -> None:
    old = predict(STATX.probe, linux(replace(Profile(), kernel=(6, 10))), [None] * len(STATX.probe))
    told = probed(STATX, Profile(), old)

    assert not told.well
    assert "statx(r0, 0x10000, STATX_TYPE) gives EINVAL, the model statx_result(" in told.stray


def test_a_rule_of_which_the_model_has_one_side_only_is_a_mistake_in_the_clause() -> None:
    with pytest.raises(ConformanceError, match="gives the same for the probe on both sides"):
        shown(replace(STATX, probe=STATX.probe[:1]))


def test_a_condition_that_no_known_profile_meets_is_a_mistake_in_the_clause() -> None:
    clauses = read_clauses(CLAUSE + VARIANT.replace("kernel < 6.11", "fs == 'floppy'"), "f")

    with pytest.raises(ConformanceError, match="no known profile"):
        rules(clauses)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (VARIANT.replace("kernel < 6.11", "kernel <"), "when: not understood"),
        (VARIANT.replace('then = "t"\n', ""), "no then"),
        (VARIANT + 'hint = "x"\n', "unknown key 'hint'"),
        ("varies = 3\n", "is no list of tables"),
    ],
)
def test_a_variant_that_is_malformed_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(ConformanceError, match=r"\[A-B\]") as refusal:
        read_clauses(CLAUSE + text, "f.toml")
    assert says in refusal.value.message


def test_a_variant_is_read_as_it_is_written() -> None:
    clause = read_clauses(CLAUSE + VARIANT, "f")["A-B"]

    assert (Variant("kernel < 6.11", "t", "close(r0)"),) == clause.varies


def test_neighbours_differ_in_one_thing_and_reach_every_release_file_system_and_caller() -> None:
    base = Profile()
    found = dict(neighbours(base))

    assert {"Linux 6.1", "Linux 6.17", "tmpfs", "xfs", "a caller without capabilities"} <= found.keys()
    assert {"ext4", "tmpfs", "xfs", "btrfs", "ext2"} <= known_filesystems().keys()
    for profile in found.values():
        changed = (
            profile.kernel != base.kernel,
            profile.filesystem != base.filesystem,
            profile.capable != base.capable,
        )
        assert 1 == sum(changed)


def test_what_an_older_kernel_gave_resembles_the_releases_up_to_the_change() -> None:
    observed = predict(STATX.probe, linux(replace(Profile(), kernel=(6, 3))), [None] * len(STATX.probe))

    found = resembling(STATX.probe, observed, Profile(), linux)

    assert "differs from Linux 6.18, equals Linux 6.1 to 6.10" == found.standing(Profile())


def test_what_another_file_system_or_caller_gave_resembles_these() -> None:
    seek = read_program("r0 = open('f', O_RDWR | O_CREAT, 0o600)\nlseek(r0, 2**62, SEEK_SET)").ops
    far = predict(seek, linux(replace(Profile(), filesystem=TMPFS)), [None] * 2)
    access = read_program("r0 = open('f', O_RDONLY | O_CREAT, 0o0)\nr1 = reopen(r0, O_RDONLY)").ops
    refused = predict(access, linux(replace(Profile(), capable=False)), [None] * 2)

    assert {"tmpfs", "xfs", "btrfs"} <= set(resembling(seek, far, Profile(), linux).filesystems)
    assert ("a caller without capabilities",) == resembling(access, refused, Profile(), linux).callers


def test_what_no_linux_gives_resembles_none() -> None:
    assert "" == resembling(STATX.probe, [3, 17], Profile(), linux).standing(Profile())


def test_clauses_say_where_they_vary() -> None:
    assert 40 <= sum(len(clause.varies) for clause in load_clauses().values())


def test_the_page_is_what_the_clauses_say() -> None:
    assert variance_text(variance_rows()) == PAGE.read_text(), f"make it again: {COMMAND}"
