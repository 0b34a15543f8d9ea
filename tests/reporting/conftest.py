# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Event logs made in code: what every test of the reports starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from conformance.clauses import Clause
from conformance.events import Batch, Divergence, Event, EventLog, Footer, Header, Miniature, Note, Occurrence
from conformance.ops import SPECS_BY_NAME
from conformance.reporting import reached

# Snapshots are to hold when the real vocabulary grows.
VOCABULARY = ("open", "close", "read", "write", "lseek", "pipe2", "fcntl(F_SETPIPE_SZ)", "tcgetattr")

CLAUSES = {
    "PIPE-EPIPE": Clause(
        "PIPE-EPIPE", "A write to a pipe that nobody can read raises SIGPIPE and fails with EPIPE.", "posix", "pipe(7)"
    ),
    "SEEK-MAX": Clause(
        "SEEK-MAX",
        "A seek past the largest offset fails with EOVERFLOW.",
        "linux",
        "lseek(2)",
        (("kernel", ">= 6.11"),),
    ),
    "TTY-EOF": Clause("TTY-EOF", "The end-of-file character ends a canonical read.", "posix", "termios(3)"),
}

BATCHES = (
    Batch(
        index=0,
        kind="pipes",
        programs=64,
        ops=1280,
        seconds=0.8,
        outcomes={"pipe2": {"ok": 400, "EMFILE": 3}, "write": {"ok": 600, "EPIPE & SIGPIPE": 177, "EAGAIN": 100}},
        clauses={"PIPE-EPIPE": 177},
    ),
    Batch(
        index=1,
        kind="files",
        programs=64,
        ops=1000,
        seconds=0.4,
        outcomes={"open": {"ok": 300}, "lseek": {"ok": 600, "EINVAL": 100}},
        clauses={},
    ),
)

FOOTER = Footer(
    ended="2026-11-23T11:31:00+00:00",
    seconds=60.2,
    cpu_seconds=101.5,
    programs=128,
    ops=2280,
    divergent_programs=0,
    buckets=0,
    interrupted=False,
    exit_code=0,
)


APART_CLAUSES = {
    clause.id: clause
    for clause in (
        Clause(*("SEEK-05", "Past the largest position.", "host", "seed: Seek"), relation="quirk", linux="EINVAL."),
        Clause(*("WR-02", "Read-only imports refuse.", "host", "seed: Write"), relation="intended", linux="Written."),
        Clause(*("SEEK-06", "Before the start, EINVAL.", "host", "seed: Seek"), relation="same"),
    )
}


@pytest.fixture(autouse=True)
def small_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reached, "SPECS", tuple(SPECS_BY_NAME[name] for name in VOCABULARY))


@pytest.fixture
def clauses() -> Mapping[str, Clause]:
    return CLAUSES


@pytest.fixture
def apart(header: Header) -> tuple[Event, ...]:
    """A run of the third law."""
    return (
        msgspec.structs.replace(header, law="host(native) differs from native", kinds=("host-files",)),
        msgspec.structs.replace(
            BATCHES[1],
            kind="host-files",
            clauses={"SEEK-05": 9, "SEEK-06": 2},
            differences={"SEEK-05": {"rule": 7, "consequence": 1}},
            witnesses={"SEEK-05": ("7/host-files/1/4", 12)},
        ),
        msgspec.structs.replace(
            BATCHES[1],
            index=2,
            kind="host-files",
            clauses={"SEEK-05": 1},
            differences={"SEEK-05": {"rule": 1}},
            witnesses={"SEEK-05": ("7/host-files/2/9", 8)},
        ),
        FOOTER,
    )


@pytest.fixture
def apart_clauses() -> Mapping[str, Clause]:
    """Its clauses: one that was seen, one that was not, one that does not differ from Linux."""
    return APART_CLAUSES


@pytest.fixture
def batches() -> tuple[Batch, ...]:
    return BATCHES


@pytest.fixture
def footer() -> Footer:
    return FOOTER


@pytest.fixture
def green(header: Header) -> tuple[Event, ...]:
    return (header, *BATCHES, FOOTER)


@pytest.fixture
def red(header: Header, epipe: Divergence) -> tuple[Event, ...]:
    return (
        header,
        BATCHES[0],
        epipe,
        Occurrence(epipe.bucket, "7-40"),
        Occurrence(epipe.bucket, "7-41"),
        BATCHES[1],
        msgspec.structs.replace(
            epipe,
            bucket="B-11c0ffee",
            title="lseek on file: model EOVERFLOW, native EINVAL",
            kind="files",
            op="lseek",
            clauses=("SEEK-MAX", "SEEK-LOST"),
            program='r0 = open("f", O_RDWR | O_CREAT, 0o600)\nlseek(r0, 2**63 - 1, SEEK_CUR)\n',
            reduced='r0 = open("f", O_RDWR | O_CREAT, 0o600)\nlseek(r0, 2**63 - 1, SEEK_CUR)\n',
            trace='r0 = open("f", O_RDWR | O_CREAT, 0o600) == 3\nlseek(r0, 2**63 - 1, SEEK_CUR) == EINVAL\n#: end\n',
            step=1,
            predicted="EOVERFLOW",
            observed="EINVAL",
            confirmed=(3, 5),
            replay="fdconform replay reports/2026-11-23T11-30-00/B-11c0ffee.fd",
        ),
        Miniature("pipe-forgets-epipe", "pipes", "a write to a readerless pipe succeeds", 79, 3, 3, True),
        Miniature("seek-wraps", "files", "an offset past the largest wraps", None, None, 2, False),
        Note("warning", "a worker died and was started again"),
        msgspec.structs.replace(FOOTER, divergent_programs=4, buckets=2, exit_code=1),
    )


@pytest.fixture
def write_log(tmp_path: Path) -> Callable[[str, Sequence[Event]], Path]:
    """Writes events to a log of this name, and gives its path."""

    def write(name: str, events: Sequence[Event]) -> Path:
        path = tmp_path / name
        with EventLog(path) as log:
            for event in events:
                log.write(event)
        return path

    return write
