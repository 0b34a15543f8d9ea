# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A campaign is the same however it is divided, and however often it is run: reports are the same but for times."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from conformance.budget import Portion, read_budget, read_portion
from conformance.errors import ConformanceError, ExitCode, Inconclusive
from conformance.events import STALE, Batch, Delta, Divergence, Event, EventLog, Footer, Header, Note, Occurrence, Unmet
from conformance.kinds import HOST_KINDS, LINUX_KINDS
from conformance.merging import merged
from conformance.rendering import render
from conformance.run_directory import EVENTS

if TYPE_CHECKING:
    from .conftest import Toy

pytestmark = pytest.mark.once
LARGE_WRITE = Path(__file__).parents[2] / "fixtures" / "programs" / "terminals" / "large_write.fd"
EVERY_KIND = (
    ("linux", LINUX_KINDS, "22000ops"),
    ("host", HOST_KINDS, "22000ops"),
    ("differences", ("host-terminals", "host-mixed"), "6000ops"),
)
PIPES = ("--kind", "pipes", "--budget", "12000ops")
FEW = ("--kind", "pipes", "--budget", "6000ops")


def timeless(event: Event) -> Event:
    """An event without what may differ from run to run: times, and the id of the run."""
    match event:
        case Header():
            return msgspec.structs.replace(event, run="run", started="2026-01-01T00:00:00+00:00")
        case Batch():
            return msgspec.structs.replace(event, seconds=0.0)
        case Footer():
            return msgspec.structs.replace(event, ended="2026-01-01T00:00:00+00:00", seconds=0.0, cpu_seconds=0.0)
        case _:
            return event


def reports_of(events: list[Event], folder: Path) -> dict[str, bytes]:
    """Every report of a run, by its name."""
    with EventLog(folder / "run" / EVENTS) as log:
        for event in events:
            log.write(timeless(event))
    render(folder / "run")
    return {path.name: path.read_bytes() for path in (folder / "run").iterdir()}


def assert_same(one: list[Event], other: list[Event], folder: Path) -> None:
    for first, second in zip_longest(one, other):
        assert timeless(first) == timeless(second)
    assert reports_of(one, folder / "one") == reports_of(other, folder / "other")


def test_the_merged_report_of_shards_is_that_of_the_whole_campaign(toy: Toy, tmp_path: Path) -> None:
    assert ExitCode.DIVERGES == toy.run("closed-works-dup-lies", *PIPES).returncode
    whole = toy.events()
    assert 2 < len([event for event in whole if isinstance(event, Divergence)])
    assert [event for event in whole if isinstance(event, Occurrence)]

    names = []
    for number in (3, 1, 2):
        toy.run("closed-works-dup-lies", *PIPES, "--shard", f"{number}/3")
        names.append(toy.name_of_latest())
    done = toy.fdconform("merge", *names, "--into", str(toy.reports / "all"))

    assert ExitCode.DIVERGES == done.returncode
    assert_same(whole, toy.events("all"), tmp_path)
    assert ExitCode.INCONCLUSIVE == toy.fdconform("merge", *names[:2], "--into", str(tmp_path / "part")).returncode


@pytest.mark.parametrize(("law", "kinds", "budget"), EVERY_KIND, ids=[law for law, _, _ in EVERY_KIND])
def test_the_same_seed_gives_the_same_report_divided_or_not_however_many_processes_run(
    toy: Toy, tmp_path: Path, law: str, kinds: tuple[str, ...], budget: str
) -> None:
    chosen = [word for kind in kinds for word in ("--kind", kind)]
    # The stored programs of terminals hold the races that no generated program is sure to have.
    toy.store("large_write", LARGE_WRITE.read_text())
    places = ("--law", law, *chosen, "--budget", budget, "--seed", "5", "--fixtures", str(toy.fixtures))
    done = toy.fdconform("run", *places, "--jobs", "3")
    assert ExitCode.CONFORMS == done.returncode, done.stdout
    whole = toy.events()
    assert set(kinds) <= {event.kind for event in whole if isinstance(event, Batch)}

    names = []
    for number in (1, 2, 3, 4):
        toy.fdconform("run", *places, "--jobs", "1", "--shard", f"{number}/4")
        names.append(toy.name_of_latest())
    assert ExitCode.CONFORMS == toy.fdconform("merge", *names, "--into", str(toy.reports / "all")).returncode
    merged_events = toy.events("all")
    assert_same(*([without_jobs(event) for event in events] for events in (whole, merged_events)), tmp_path)


def without_jobs(event: Event) -> Event:
    """The command of a header without the number of processes, which is no part of what was asked."""
    if not isinstance(event, Header):
        return event
    return msgspec.structs.replace(event, command=re.sub(r" --jobs \d", "", event.command))


def test_shards_since_a_baseline_have_one_delta_when_they_are_merged(toy: Toy, tmp_path: Path) -> None:
    toy.run("closed-works")
    assert ExitCode.CONFORMS == toy.fdconform("baseline", "save", "main").returncode
    options = (*PIPES, "--since-baseline", "main")
    assert ExitCode.DIVERGES == toy.run("closed-works-dup-lies", *options).returncode
    whole = toy.events()
    (delta,) = [event for event in whole if isinstance(event, Delta)]
    assert {"new", "still"} == {row.what for row in delta.rows}

    names = []
    for number in (1, 2, 3, 4):
        toy.run("closed-works-dup-lies", *options, "--shard", f"{number}/4")
        names.append(toy.name_of_latest())
    done = toy.fdconform("merge", *names, "--into", str(toy.reports / "all"))
    assert ExitCode.DIVERGES == done.returncode
    assert done.stdout.startswith("since main: ")
    assert_same(whole, toy.events("all"), tmp_path)

    toy.run("closed-works-dup-lies", *PIPES, "--shard", "4/4")
    mixed = toy.fdconform("merge", *names[:3], toy.name_of_latest(), "--into", str(toy.reports / "mixed"))
    assert ExitCode.USAGE == mixed.returncode
    assert "shards since different baselines: main, none" in mixed.stderr


def test_a_waiver_that_no_shard_met_is_stale_when_all_together_had_the_chances(toy: Toy, tmp_path: Path) -> None:
    def expect(chances: int) -> None:
        path = toy.fixtures / "expectations" / "toy.toml"
        path.parent.mkdir(exist_ok=True)
        told = f'pattern = "dup on *: * -> EIO"\nchances = {chances}\nissue = "none"\nreason = "never seen"\n'
        path.write_text(f"[[waiver]]\n{told}")

    expect(1)
    toy.run("honest", *FEW)
    (note,) = stale_notes(toy.events())
    chances = int(re.findall(r"not met in (\d+) chances", note)[0])
    for wanted in (chances, chances + 1):
        expect(wanted)
        alone = toy.run("honest", *FEW)
        whole = toy.events()
        names = []
        for number in (1, 2):
            toy.run("honest", *FEW, "--shard", f"{number}/2")
            assert not stale_notes(toy.events())
            names.append(toy.name_of_latest())
        done = toy.fdconform("merge", *names, "--into", str(toy.reports / str(wanted)))
        assert alone.returncode == done.returncode, done.stdout
        assert len(stale_notes(whole)) == (wanted == chances)
        assert_same(whole, toy.events(str(wanted)), tmp_path / str(wanted))


def stale_notes(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Note) and event.text.startswith(STALE)]


def test_a_number_of_ops_buys_the_same_batches_for_everybody() -> None:
    budget = read_budget("10000ops")

    assert [True, True, True, True, False] == [budget.buys(batches, 1e9, 0) for batches in range(5)]
    assert not budget.buys(0, 0, stored_ops=10000)
    portions = [Portion(number, 3) for number in (1, 2, 3)]
    assert all(1 == sum(portion.holds(index) for portion in portions) for index in range(20))
    assert Portion(2, 4) == read_portion("2/4")


@pytest.mark.parametrize("text", ["0/2", "3/2", "1/0", "one", "1/2/3"])
def test_what_is_no_shard_is_one_clear_error(text: str) -> None:
    with pytest.raises(ConformanceError, match="not a shard"):
        read_portion(text)


HEADER = Header(1, "r", "t", "fdconform run --shard 1/2", "1", "9ops", "l == n", ("l", "n"), ("pipes",), {}, "1/2")
FOOTER = Footer("t", 1.0, 1.0, 1, 1, 0, 0, False, 0)


def shard(number: int, *events: Event, whole: bool = True) -> list[Event]:
    header = msgspec.structs.replace(HEADER, shard=f"{number}/2", environment={"cpus": str(number)})
    return [header, *events, *([FOOTER] if whole else [])]


def test_a_shard_that_was_cut_short_leaves_the_whole_without_a_footer() -> None:
    events = list(merged([shard(1), shard(2, whole=False)], "all"))

    assert not [event for event in events if isinstance(event, Footer)]
    (header,) = events
    assert isinstance(header, Header)
    assert ("all", "fdconform run", "", "1 | 2") == (
        header.run,
        header.command,
        header.shard,
        header.environment["cpus"],
    )


def test_the_worst_shard_decides() -> None:
    stale = msgspec.structs.replace(FOOTER, exit_code=int(ExitCode.EXPECTATIONS_WRONG))
    stopped = msgspec.structs.replace(FOOTER, exit_code=int(ExitCode.INCONCLUSIVE), interrupted=True)
    broken = msgspec.structs.replace(FOOTER, exit_code=int(ExitCode.ADAPTER_FAILED), failure="gone")

    def code(*footers: Footer) -> int:
        logs = [[*shard(number, whole=False), footer] for number, footer in enumerate(footers, 1)]
        last = list(merged(logs, "all"))[-1]
        assert isinstance(last, Footer)
        return last.exit_code

    assert ExitCode.CONFORMS == code(FOOTER, FOOTER)
    assert ExitCode.CONFORMS == unmet_code(2, None)
    assert ExitCode.CONFORMS == unmet_code(2, 2)
    assert ExitCode.EXPECTATIONS_WRONG == unmet_code(2, 3)
    assert ExitCode.EXPECTATIONS_WRONG == code(stale, FOOTER)
    assert ExitCode.INCONCLUSIVE == code(FOOTER, stopped)
    assert ExitCode.ADAPTER_FAILED == code(stale, broken)


def unmet_code(*chances: int | None) -> int:
    """How shards end together that had so many of five chances to meet a waiver; None for one that met it."""
    logs = [
        shard(number, *([Unmet("w", had, 5, "w, known.toml", "fdconform waive remove w")] if had else []))
        for number, had in enumerate(chances, 1)
    ]
    last = list(merged(logs, "all"))[-1]
    assert isinstance(last, Footer)
    return last.exit_code


@pytest.mark.parametrize(
    ("logs", "says", "error"),
    [
        ([shard(1)], "missing: shard 2/2", Inconclusive),
        ([shard(1), shard(2), shard(1)], "a shard is given twice", ConformanceError),
        ([shard(1), [msgspec.structs.replace(HEADER, seed="2", shard="2/2")]], "different campaigns", ConformanceError),
        ([shard(1), []], "opens with its header", Inconclusive),
    ],
)
def test_what_does_not_make_a_whole_is_not_merged(logs: list[list[Event]], says: str, error: type) -> None:
    with pytest.raises(error, match=says):
        list(merged(logs, "all"))
