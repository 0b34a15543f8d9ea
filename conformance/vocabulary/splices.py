# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops that move data between two descriptors. Offset -1 stands for no offset: the descriptor's own position."""

from __future__ import annotations

from conformance.domains.compound import ListOf, TupleOf
from conformance.domains.data import PAYLOAD
from conformance.domains.numbers import INTEGER
from conformance.domains.slots import SLOT
from conformance.vocabulary.spec import op
from conformance.vocabulary.structures import flags

_EVERY = "files pipes sockets"
_FLAGS = flags("SPLICE_F_MOVE SPLICE_F_NONBLOCK SPLICE_F_MORE SPLICE_F_GIFT")
_BETWEEN = (("fd_in", SLOT), ("off_in", INTEGER), ("fd_out", SLOT), ("off_out", INTEGER), ("length", INTEGER))
_MOVED = TupleOf((INTEGER, INTEGER, INTEGER))
"""The number of bytes, and what became of the two offsets."""

OPS = (
    op("splice", *_BETWEEN, ("flags", _FLAGS), result=_MOVED, kinds=_EVERY),
    op("tee", ("fd_in", SLOT), ("fd_out", SLOT), ("length", INTEGER), ("flags", _FLAGS), kinds="pipes"),
    op("vmsplice", ("fd", SLOT), ("buffers", ListOf(PAYLOAD)), ("flags", _FLAGS), kinds="pipes"),
    op(
        "sendfile",
        ("out_fd", SLOT),
        ("in_fd", SLOT),
        ("offset", INTEGER),
        ("count", INTEGER),
        result=TupleOf((INTEGER, INTEGER)),
        kinds=_EVERY,
    ),
    op("copy_file_range", *_BETWEEN, ("flags", flags("")), result=_MOVED, kinds="files"),
)
