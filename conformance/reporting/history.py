# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Digests of runs: made from a report, written beside its event log, and read again by later reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec

from conformance.clauses import Clause
from conformance.reporting.digest import DIGEST_FORMAT, ClauseDigest, Digest, History
from conformance.reporting.run import RunReport

DIGEST = "digest.json"
RUNS_REMEMBERED_MAX = 50
_RUNS_LOOKED_AT_MAX = 500
_DECODER = msgspec.json.Decoder(Digest)


def digest_of(report: RunReport) -> Digest:
    """The digest of a run."""
    failing = Counter(name for bucket in report.failing_buckets for name in set(bucket.first.clauses))
    waived = Counter(name for bucket in report.buckets if not bucket.fails for name in set(bucket.first.clauses))
    names = sorted({*report.clauses, *failing, *waived})
    return Digest(
        format=DIGEST_FORMAT,
        run=report.header.run,
        started=report.header.started,
        law=report.header.law,
        systems=report.header.systems,
        verdict=report.verdict,
        programs=report.programs,
        ops=report.ops,
        seconds=round(report.seconds, 3),
        failing={bucket.first.bucket: bucket.count for bucket in report.failing_buckets},
        waived={bucket.first.bucket: bucket.count for bucket in report.buckets if not bucket.fails},
        clauses={name: ClauseDigest(report.clauses.get(name, 0), failing[name], waived[name]) for name in names},
    )


def digest_text(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    """The digest of a run as JSON."""
    return msgspec.json.encode(digest_of(report)).decode() + "\n"


def read_history(directory: Path, report: RunReport) -> History:
    """The runs that were saved beside a run's directory and started before it.

    A digest that cannot be read is left out: a broken file of an old run is no reason to have no report of a new one.
    """
    beside = sorted(path for path in directory.parent.glob(f"*/{DIGEST}") if not path.parent.is_symlink())
    found = [digest for path in beside[-_RUNS_LOOKED_AT_MAX:] if (digest := _read(path))]
    header = report.header
    earlier = sorted(
        (digest for digest in found if digest.run != header.run and digest.started <= header.started),
        key=lambda digest: (digest.started, digest.run),
    )
    before = [digest for digest in earlier if digest.law == header.law]
    newest = {digest.law: digest for digest in earlier if digest.law != header.law}
    return History(tuple(before[1 - RUNS_REMEMBERED_MAX :]), tuple(newest[law] for law in sorted(newest)))


def _read(path: Path) -> Digest | None:
    try:
        digest = _DECODER.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None
    return digest if digest.format == DIGEST_FORMAT else None
