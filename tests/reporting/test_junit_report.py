# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""JUnit XML, read back by a library that others read it with."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase

from conformance.clauses import Clause
from conformance.events import Divergence, Event
from conformance.reporting.junit import junit_text
from conformance.reporting.run import fold


def cases(text: str) -> dict[tuple[str, str], TestCase]:
    return {(case.classname, case.name): case for suite in JUnitXml.fromstring(text.encode()) for case in suite}


def test_each_op_of_each_kind_is_a_case(green: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    found = cases(junit_text(fold(green), clauses))
    assert not found["fdconform.pipes", "write"].result
    assert not found["fdconform", "the run is whole"].result
    assert [type(result) for result in found["fdconform.pipes", "fcntl(F_SETPIPE_SZ)"].result] == [Skipped]


def test_each_bucket_is_a_failure_with_its_card(red: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    (failure,) = cases(junit_text(fold(red), clauses))["fdconform.pipes", "write"].result
    assert isinstance(failure, Failure)
    assert failure.message == "B-7f3a0001: write on pipe.write: model EPIPE & SIGPIPE, native 1 (3 programs)"
    assert failure.type == "diverges"
    assert failure.text is not None
    assert '>>> write(r1, b"x") == 1' in failure.text


def test_a_missed_miniature_is_a_failure(red: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    found = cases(junit_text(fold(red), clauses))
    assert not found["fdconform.selfcheck.pipes", "pipe-forgets-epipe"].result
    (failure,) = found["fdconform.selfcheck.files", "seek-wraps"].result
    assert failure.message == "the planted bug was never found"


def test_a_run_cut_short_is_an_error(green: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    (error,) = cases(junit_text(fold(green[:-1]), clauses))["fdconform", "the run is whole"].result
    assert isinstance(error, Error)
    assert error.type == "cut short"


def test_a_waived_bucket_is_skipped(green: tuple[Event, ...], epipe: Divergence) -> None:
    log = (*green[:-1], msgspec.structs.replace(epipe, verdict="waived"), green[-1])
    (skipped,) = cases(junit_text(fold(log), {}))["fdconform.pipes", "write"].result
    assert isinstance(skipped, Skipped)
    assert skipped.message == "1 program waived"


def test_counts_and_properties_hold(red: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    document = JUnitXml.fromstring(junit_text(fold(red), clauses).encode())
    suites = list(document)
    assert [suite.name for suite in suites] == [
        "fdconform",
        "fdconform.pipes",
        "fdconform.files",
        "fdconform.selfcheck",
    ]
    assert document.failures == 3
    assert document.tests == sum(len(list(suite)) for suite in suites)
    properties = {item.name: item.value for item in suites[1].properties()}  # type: ignore[no-untyped-call]
    assert properties["kernel"] == "6.18.44"
    assert properties["law"] == "linux == native"


def test_any_byte_of_a_program_survives_as_text(red: tuple[Event, ...], epipe: Divergence) -> None:
    nasty = msgspec.structs.replace(epipe, bucket="B-0", title='<&"\x00\x1b]]>\ufffe', observed="\x08")
    failures = cases(junit_text(fold((red[0], nasty)), {}))["fdconform.pipes", "write"].result
    assert '<&"\\x00\\x1b]]>\\ufffe' in failures[0].message
