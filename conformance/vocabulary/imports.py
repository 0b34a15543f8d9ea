# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops on imports: of a host descriptor into a sandbox, and of the sandbox's own state into a new one."""

from __future__ import annotations

from conformance.domains.compound import Maybe, TupleOf
from conformance.domains.numbers import INTEGER
from conformance.domains.slots import SLOT
from conformance.vocabulary.spec import one_handle, op
from conformance.vocabulary.structures import OPEN_FLAGS

OPS = (
    op(
        "import_fd",
        ("fd", SLOT),
        ("readonly", INTEGER, 0),
        ("owner", Maybe(TupleOf((INTEGER, INTEGER))), None),
        ("tty", INTEGER, 0),
        ("flags", Maybe(OPEN_FLAGS), None),
        ("savable", INTEGER, 0),
        kinds="host",
        handles=one_handle,
    ),
    op("save", kinds="host"),
    op("restore", kinds="host"),
)
