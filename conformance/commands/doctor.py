# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform doctor``: what this machine offers, how to mend what is missing, and which Linux it is."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.commands.options import DIRECTORY, USER, chosen_profile
from conformance.environment import Finding, examine, profile_name
from conformance.errors import ExitCode
from conformance.systems.native_worker import NativeWorker
from conformance.variance import Probed, probed, rules
from reference.linux.profile import Profile


@click.command("doctor")
@DIRECTORY
@USER
@click.option("--rules", "each", is_flag=True, help="Name each rule that varies, and which way it goes here.")
def command(directory: Path | None, as_user: bool, each: bool) -> int:
    """Check what a run needs of this machine, and which way each rule goes that varies; exit 4 if it is amiss."""
    findings = examine(directory)
    if all(finding.well for finding in findings[:2]):
        profile, base = chosen_profile(directory, as_user)
        answers = probe(profile, base)
        findings.append(_variance(profile, answers))
        for answer in answers if each else ():
            click.echo(f"      {'holds' if answer.holds else 'not  '}  {answer.rule.name}: {answer.rule.variant.then}")
    for finding in findings:
        click.echo(f"{'ok  ' if finding.well else 'look'}  {finding.subject}: {finding.found}")
        if not finding.well:
            click.echo(f"      mend: {finding.mend}")
    return ExitCode.CONFORMS if all(finding.well for finding in findings) else ExitCode.INCONCLUSIVE


def probe(profile: Profile, base: Path) -> list[Probed]:
    """What this machine gives for the probe of each rule that varies."""
    known = rules()
    with NativeWorker(profile, base) as worker:
        observed = worker.run([rule.probe for rule in known])
    return [probed(rule, profile, seen) for rule, seen in zip(known, observed, strict=True)]


def _variance(profile: Profile, answers: list[Probed]) -> Finding:
    strays = [answer for answer in answers if not answer.well]
    holding = sum(answer.holds for answer in answers)
    found = f"{len(answers)} that vary are those of {profile_name(profile)}, {holding} of them by a variant"
    if strays:
        found = f"{len(strays)} of {len(answers)} that vary are not those of {profile_name(profile)}"
    return Finding(
        "rules",
        "\n      ".join((found, *(f"{answer.rule.name}: {answer.stray}" for answer in strays))),
        not strays,
        "the kernel is patched, or the rule is wrong: fdconform list variance says what it should be",
    )
