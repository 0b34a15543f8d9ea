# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops that lock files and ranges of files."""

from __future__ import annotations

from conformance.domains.slots import SLOT
from conformance.vocabulary.spec import op
from conformance.vocabulary.structures import FLOCK, fcntl, flags

OPS = (
    op("flock", ("fd", SLOT), ("operation", flags("LOCK_SH LOCK_EX LOCK_NB LOCK_UN")), kinds="locks"),
    fcntl("F_GETLK", FLOCK, result=FLOCK, kinds="locks"),
    fcntl("F_SETLK", FLOCK, kinds="locks"),
    fcntl("F_OFD_GETLK", FLOCK, result=FLOCK, kinds="locks"),
    fcntl("F_OFD_SETLK", FLOCK, kinds="locks"),
)
