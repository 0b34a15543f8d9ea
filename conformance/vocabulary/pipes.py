# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops on pipes and FIFOs."""

from __future__ import annotations

from conformance.domains.compound import TupleOf
from conformance.domains.names import OWN_PATH
from conformance.domains.numbers import INTEGER, OCTAL
from conformance.vocabulary.spec import all_handles, op
from conformance.vocabulary.structures import CREATION_FLAGS, fcntl

OPS = (
    op("pipe2", ("flags", CREATION_FLAGS), result=TupleOf((INTEGER, INTEGER)), kinds="pipes", handles=all_handles),
    op("mkfifo", ("path", OWN_PATH), ("mode", OCTAL), kinds="pipes"),
    fcntl("F_SETPIPE_SZ", INTEGER, kinds="pipes"),
    fcntl("F_GETPIPE_SZ", kinds="pipes"),
)
