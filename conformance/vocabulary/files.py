# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops on regular files, names, memory files and mappings."""

from __future__ import annotations

from conformance.domains.compound import ListOf, TupleOf
from conformance.domains.data import BYTES, PAYLOAD
from conformance.domains.names import ATTRIBUTE_NAME, OWN_PATH, PATH, TEXT
from conformance.domains.numbers import INTEGER, OCTAL, Enumeration
from conformance.domains.slots import MAPPING, SLOT
from conformance.vocabulary.spec import mapping_handle, one_handle, op
from conformance.vocabulary.structures import STAT, STATFS, STATX, STATX_MASK, choice, fcntl, flags

_EVERY = "files pipes sockets terminals"
_RWF = flags("RWF_HIPRI RWF_DSYNC RWF_SYNC RWF_NOWAIT RWF_APPEND RWF_NOAPPEND RWF_ATOMIC RWF_DONTCACHE RWF_NOSIGNAL")
_SEALS = flags("F_SEAL_SEAL F_SEAL_SHRINK F_SEAL_GROW F_SEAL_WRITE F_SEAL_FUTURE_WRITE F_SEAL_EXEC")
_PROTECTION = flags("PROT_READ PROT_WRITE PROT_EXEC")

OPS = (
    op("read", ("fd", SLOT), ("count", INTEGER), result=BYTES, kinds=_EVERY),
    op("write", ("fd", SLOT), ("data", PAYLOAD), kinds=_EVERY),
    op("readv", ("fd", SLOT), ("lengths", ListOf(INTEGER)), result=BYTES, kinds=_EVERY),
    op("writev", ("fd", SLOT), ("buffers", ListOf(PAYLOAD)), kinds=_EVERY),
    op("pread", ("fd", SLOT), ("count", INTEGER), ("offset", INTEGER), result=BYTES, kinds=_EVERY),
    op("pwrite", ("fd", SLOT), ("data", PAYLOAD), ("offset", INTEGER), kinds=_EVERY),
    op(
        "preadv2",
        ("fd", SLOT),
        ("lengths", ListOf(INTEGER)),
        ("offset", INTEGER),
        ("flags", _RWF),
        result=BYTES,
        kinds=_EVERY,
    ),
    op("pwritev2", ("fd", SLOT), ("buffers", ListOf(PAYLOAD)), ("offset", INTEGER), ("flags", _RWF), kinds=_EVERY),
    op(
        "lseek",
        ("fd", SLOT),
        ("offset", INTEGER),
        ("whence", choice("SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE")),
        kinds=_EVERY,
    ),
    op("truncate", ("path", PATH), ("length", INTEGER), kinds="files"),
    op("truncate_fd", ("fd", SLOT), ("length", INTEGER), kinds=_EVERY),
    op("ftruncate", ("fd", SLOT), ("length", INTEGER), kinds=_EVERY),
    op(
        "fallocate",
        ("fd", SLOT),
        (
            "mode",
            flags(
                "FALLOC_FL_KEEP_SIZE FALLOC_FL_PUNCH_HOLE FALLOC_FL_NO_HIDE_STALE FALLOC_FL_COLLAPSE_RANGE"
                " FALLOC_FL_ZERO_RANGE FALLOC_FL_INSERT_RANGE FALLOC_FL_UNSHARE_RANGE FALLOC_FL_WRITE_ZEROES"
            ),
        ),
        ("offset", INTEGER),
        ("length", INTEGER),
        kinds=_EVERY,
    ),
    op("fsync", ("fd", SLOT), kinds=_EVERY),
    op("fdatasync", ("fd", SLOT), kinds=_EVERY),
    op(
        "sync_file_range",
        ("fd", SLOT),
        ("offset", INTEGER),
        ("count", INTEGER),
        ("flags", flags("SYNC_FILE_RANGE_WAIT_BEFORE SYNC_FILE_RANGE_WRITE SYNC_FILE_RANGE_WAIT_AFTER")),
        kinds=_EVERY,
    ),
    op("fstat", ("fd", SLOT), result=STAT, kinds=_EVERY),
    op(
        "statx",
        ("fd", SLOT),
        ("flags", flags("AT_STATX_FORCE_SYNC AT_STATX_DONT_SYNC")),
        ("mask", STATX_MASK),
        result=STATX,
        kinds=_EVERY,
    ),
    op("fstatfs", ("fd", SLOT), result=STATFS, kinds=_EVERY),
    op(
        "faccessat_fd",
        ("fd", SLOT),
        ("mode", flags("R_OK W_OK X_OK")),
        ("flags", flags("AT_EACCESS AT_SYMLINK_NOFOLLOW")),
        kinds=_EVERY,
    ),
    op(
        "posix_fadvise",
        ("fd", SLOT),
        ("offset", INTEGER),
        ("length", INTEGER),
        (
            "advice",
            choice(
                "POSIX_FADV_NORMAL POSIX_FADV_RANDOM POSIX_FADV_SEQUENTIAL POSIX_FADV_WILLNEED POSIX_FADV_DONTNEED"
                " POSIX_FADV_NOREUSE"
            ),
        ),
        kinds=_EVERY,
    ),
    op("readahead", ("fd", SLOT), ("offset", INTEGER), ("count", INTEGER), kinds=_EVERY),
    op("syncfs", ("fd", SLOT), kinds=_EVERY),
    op(
        "fsetxattr",
        ("fd", SLOT),
        ("name", ATTRIBUTE_NAME),
        ("value", PAYLOAD),
        ("flags", flags("XATTR_CREATE XATTR_REPLACE")),
        kinds=_EVERY,
    ),
    op(
        "fgetxattr",
        ("fd", SLOT),
        ("name", ATTRIBUTE_NAME),
        ("size", INTEGER),
        result=TupleOf((INTEGER, BYTES)),
        kinds=_EVERY,
    ),
    op("flistxattr", ("fd", SLOT), ("size", INTEGER), result=TupleOf((INTEGER, ListOf(TEXT))), kinds=_EVERY),
    op("fremovexattr", ("fd", SLOT), ("name", ATTRIBUTE_NAME), kinds=_EVERY),
    op("setrlimit", ("resource", Enumeration(("RLIMIT_FSIZE",), closed=True)), ("soft", INTEGER), kinds="files"),
    op("fchmod", ("fd", SLOT), ("mode", OCTAL), kinds=_EVERY),
    op("fchown", ("fd", SLOT), ("uid", INTEGER), ("gid", INTEGER), kinds=_EVERY),
    op("futimens", ("fd", SLOT), ("atime", INTEGER), ("mtime", INTEGER), kinds=_EVERY),
    op("unlink", ("path", OWN_PATH), kinds="files"),
    op("link", ("path", PATH), ("new_path", OWN_PATH), kinds="files"),
    op("getdents", ("fd", SLOT), ("count", INTEGER), result=ListOf(TEXT), kinds=_EVERY),
    op("fchdir", ("fd", SLOT), kinds=_EVERY),
    op("readlinkat", ("fd", SLOT), ("path", PATH), result=TEXT, kinds=_EVERY),
    op("symlink", ("target", PATH), ("path", OWN_PATH), kinds="files"),
    op("mkdir", ("path", OWN_PATH), ("mode", OCTAL), kinds="files"),
    op(
        "memfd_create",
        ("name", PATH),
        ("flags", flags("MFD_CLOEXEC MFD_ALLOW_SEALING MFD_NOEXEC_SEAL MFD_EXEC")),
        kinds="files",
        handles=one_handle,
    ),
    fcntl("F_ADD_SEALS", _SEALS, kinds="files"),
    fcntl("F_GET_SEALS", result=_SEALS, kinds="files"),
    op(
        "mmap",
        ("fd", SLOT),
        ("length", INTEGER),
        ("protection", _PROTECTION),
        ("flags", flags("MAP_SHARED_VALIDATE MAP_SHARED MAP_PRIVATE")),
        ("offset", INTEGER),
        kinds=_EVERY,
        handles=mapping_handle,
    ),
    op("load", ("mapping", MAPPING), ("offset", INTEGER), ("count", INTEGER), result=BYTES, kinds="files"),
    op("store", ("mapping", MAPPING), ("offset", INTEGER), ("data", PAYLOAD), kinds="files"),
    op("msync", ("mapping", MAPPING), ("flags", flags("MS_ASYNC MS_INVALIDATE MS_SYNC")), kinds="files"),
    op("mapping_path", ("mapping", MAPPING), result=TEXT, kinds="files"),
    op("munmap", ("mapping", MAPPING), kinds="files"),
)
