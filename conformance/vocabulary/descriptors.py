# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops on descriptors and on the flags of open file descriptions."""

from __future__ import annotations

from conformance.domains.names import PATH, TEXT
from conformance.domains.numbers import INTEGER, OCTAL
from conformance.domains.slots import NUMBER, SLOT
from conformance.vocabulary.spec import one_handle, op
from conformance.vocabulary.structures import CREATION_FLAGS, OPEN_FLAGS, fcntl, flags, ioctl

_EVERY = "descriptors files pipes sockets terminals"
_DESCRIPTOR_FLAGS = flags("FD_CLOEXEC")

OPS = (
    op("open", ("path", PATH), ("flags", OPEN_FLAGS), ("mode", OCTAL), kinds="descriptors files", handles=one_handle),
    op("reopen", ("fd", SLOT), ("flags", OPEN_FLAGS), kinds=_EVERY, handles=one_handle),
    op("readlink_fd", ("fd", SLOT), result=TEXT, kinds=_EVERY),
    op("close", ("fd", SLOT), kinds=_EVERY),
    op(
        "close_range",
        ("first", NUMBER),
        ("last", NUMBER),
        ("flags", flags("CLOSE_RANGE_UNSHARE CLOSE_RANGE_CLOEXEC")),
        kinds="descriptors",
    ),
    op("dup", ("fd", SLOT), kinds=_EVERY, handles=one_handle),
    op("dup2", ("fd", SLOT), ("newfd", NUMBER), kinds=_EVERY, handles=one_handle),
    op("dup3", ("fd", SLOT), ("newfd", NUMBER), ("flags", CREATION_FLAGS), kinds=_EVERY, handles=one_handle),
    fcntl("F_DUPFD", INTEGER, kinds=_EVERY, handles=one_handle),
    fcntl("F_DUPFD_CLOEXEC", INTEGER, kinds=_EVERY, handles=one_handle),
    fcntl("F_GETFD", result=_DESCRIPTOR_FLAGS, kinds=_EVERY),
    fcntl("F_SETFD", _DESCRIPTOR_FLAGS, kinds=_EVERY),
    fcntl("F_GETFL", result=OPEN_FLAGS, kinds=_EVERY),
    fcntl("F_SETFL", OPEN_FLAGS, kinds=_EVERY),
    ioctl("FIONBIO", INTEGER, kinds=_EVERY),
    ioctl("FIOASYNC", INTEGER, kinds=_EVERY),
    ioctl("FIONREAD", kinds=_EVERY),
    ioctl("FIGETBSZ", kinds=_EVERY),
)
