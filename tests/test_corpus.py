# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The corpus of regressions."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.corpus import file_name, load, store
from conformance.divergence import Divergence, diverge
from conformance.errors import BadProgram
from conformance.grammar import program_text, read_program
from conformance.interpreter import execute
from conformance.ops import Op
from reference.linux.kernel import Linux

LONG = "r0, r1 = pipe2(0)\nfcntl(r0, F_GETFL)\nfcntl(r0, F_SETFL, 0)\n"
SHORT = "r0, r1 = pipe2(0)\nfcntl(r0, F_SETFL, 0)\n"


def found(text: str) -> tuple[Divergence, tuple[Op, ...]]:
    ops = read_program(text).ops
    observed = execute(ops, Linux())
    observed[-1] = 7
    divergence = diverge(ops, observed, Linux)
    assert divergence is not None
    return divergence, ops


def test_a_program_is_stored_under_its_bucket_and_op(tmp_path: Path) -> None:
    divergence, ops = found(SHORT)
    path = store(tmp_path / "regressions", divergence, ops)

    assert path.name == file_name(divergence) == f"{divergence.bucket}-fcntl-F_SETFL.fd"


def test_a_stored_program_says_what_it_shows_and_is_canonical(tmp_path: Path) -> None:
    divergence, ops = found(SHORT)
    text = store(tmp_path, divergence, ops).read_text()

    assert text.startswith(f"# {divergence.bucket}: fcntl(F_SETFL) on pipe.read: model 0, native 7\n# Clauses: ")
    assert program_text(read_program(text)) == text
    assert read_program(text).ops == ops


def test_what_was_stored_is_loaded_by_name(tmp_path: Path) -> None:
    divergence, ops = found(SHORT)
    store(tmp_path, divergence, ops)

    (stored,) = load(tmp_path)
    assert (stored.name, stored.program.ops) == (file_name(divergence).removesuffix(".fd"), ops)


def test_a_shorter_program_takes_the_place_of_a_longer_one(tmp_path: Path) -> None:
    for text in (LONG, SHORT, LONG):
        store(tmp_path, *found(text))

    (stored,) = load(tmp_path)
    assert len(stored.program.ops) == 2


def test_a_text_that_is_no_program_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "broken.fd").write_text("r0 = open(\n")

    with pytest.raises(BadProgram, match=r"broken\.fd, line 1"):
        list(load(tmp_path))
