# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for memory files, seals and mappings.

Mappings stay small or are impossible: nothing in between is asked for, since whether it fits depends on the machine.
"""

from __future__ import annotations

from conformance.ops import Op
from conformance.payload import Pattern
from conformance.strategies.recipes import Recipe
from conformance.strategies.scalars import ODD_FLAGS
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source, chance
from reference.constants.descriptors import F_ADD_SEALS, F_GET_SEALS
from reference.constants.limits import LLONG_MAX, PAGE_SIZE
from reference.constants.memory import (
    F_SEAL_EXEC,
    F_SEAL_FUTURE_WRITE,
    F_SEAL_GROW,
    F_SEAL_SEAL,
    F_SEAL_SHRINK,
    F_SEAL_WRITE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MFD_ALLOW_SEALING,
    MFD_CLOEXEC,
    MFD_EXEC,
    MFD_NOEXEC_SEAL,
    MS_ASYNC,
    MS_INVALIDATE,
    MS_SYNC,
    PROT_EXEC,
    PROT_NONE,
    PROT_READ,
    PROT_WRITE,
)

MEMFD_FLAGS = (
    (MFD_ALLOW_SEALING,) * 16
    + (0, MFD_CLOEXEC, MFD_NOEXEC_SEAL, MFD_ALLOW_SEALING | MFD_EXEC, MFD_NOEXEC_SEAL | MFD_ALLOW_SEALING)
    + (MFD_EXEC | MFD_NOEXEC_SEAL, MFD_EXEC, 1 << 5, 1 << 31)
)
_NAMES = ("m",) * 24 + ("", "x" * 249, "x" * 250, "a b", "é")
_SEALS = (
    F_SEAL_GROW,
    F_SEAL_SHRINK,
    F_SEAL_WRITE,
    F_SEAL_FUTURE_WRITE,
    F_SEAL_EXEC,
    F_SEAL_SHRINK | F_SEAL_GROW,
    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
    0,
    F_SEAL_SEAL,
    F_SEAL_SEAL | F_SEAL_WRITE,
    1 << 6,
    1 << 31,
    F_SEAL_SHRINK | 1 << 32,
)
_READ_WRITE = PROT_READ | PROT_WRITE
_PROTECTIONS = (_READ_WRITE,) * 8 + (PROT_READ,) * 3 + (PROT_NONE, PROT_WRITE, PROT_READ | PROT_EXEC, PROT_EXEC)
_MAP_FLAGS = (MAP_SHARED,) * 12 + (MAP_PRIVATE,) * 10 + (MAP_SHARED_VALIDATE, 0, 4, MAP_SHARED_VALIDATE | 1 << 25)
_MAP_LENGTHS = (
    (PAGE_SIZE,) * 4 + (3 * PAGE_SIZE, 8 * PAGE_SIZE, 100, 5000, 1, 2**20, 2**21) * 4 + (0, 2**47, LLONG_MAX, -1)
)
_MAP_OFFSETS = (
    (0,) * 32
    + (PAGE_SIZE, 2 * PAGE_SIZE, 4 * PAGE_SIZE) * 4
    + (
        1,
        512,
        2**20,
        2**40,
        -PAGE_SIZE,
        -2 * PAGE_SIZE,
        LLONG_MAX - PAGE_SIZE + 1,
        2**62,
    )
)
_PLACES_FAR = (4096, 4097, 5000, 8191, 8192, 12288, 20000, 2**20 - 1, 2**20, 2**21 - 10)
_PLACES = (0, 1, 3, 10, 100, 4000, 4095) * 3 + _PLACES_FAR
_SIZES = (4096, 5000, 100, 8192, 12288, 1, 4097, 20000, 0, 65536, 2**21)
_SPANS = (1, 2, 5, 10, 100, 4096, 4097, 8192, 9000, 0, 65536)
_SYNC_FLAGS = (MS_SYNC, MS_ASYNC, 0, MS_INVALIDATE, MS_SYNC | MS_ASYNC, MS_SYNC | MS_INVALIDATE, 8, *ODD_FLAGS[:1])
_MODES = (0o666, 0o777, 0o600, 0o700, 0o644, 0o7777)
MAPPABLE = ("file.memory", "file", "file.direct")


def _memfd_create(source: Source, slots: SlotTable) -> Op:
    flags = MEMFD_FLAGS[source.below(len(MEMFD_FLAGS))]
    return Op("memfd_create", (_NAMES[source.below(len(_NAMES))], flags), (slots.new("file.memory"),))


def _ftruncate(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *MAPPABLE)
    return None if slot is None else Op("ftruncate", (slot, _SIZES[source.below(len(_SIZES))]))


def _write(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *MAPPABLE)
    return None if slot is None else Op("write", (slot, Pattern(_SIZES[source.below(10)], source.below(251))))


def _pread(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *MAPPABLE)
    if slot is None:
        return None
    return Op("pread", (slot, _SPANS[source.below(len(_SPANS))], _PLACES[source.below(len(_PLACES))]))


def _fchmod(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, "file.memory")
    return None if slot is None else Op("fchmod", (slot, _MODES[source.below(len(_MODES))]))


def _add_seals(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *(MAPPABLE if chance(source, 8) else ("file.memory",)))
    return None if slot is None else Op("fcntl", (slot, F_ADD_SEALS, _SEALS[source.below(len(_SEALS))]))


def _get_seals(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *MAPPABLE)
    return None if slot is None else Op("fcntl", (slot, F_GET_SEALS))


def _mmap(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source) if chance(source, 8) else slots.any_of(source, *MAPPABLE)
    if slot is None:
        return None
    length = _MAP_LENGTHS[source.below(len(_MAP_LENGTHS))]
    protection = _PROTECTIONS[source.below(len(_PROTECTIONS))]
    flags = _MAP_FLAGS[source.below(len(_MAP_FLAGS))]
    offset = _MAP_OFFSETS[source.below(len(_MAP_OFFSETS))]
    return Op("mmap", (slot, length, protection, flags, offset), (slots.new("mapping"),))


def _load(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, "mapping")
    if slot is None:
        return _mmap(source, slots)
    return Op("load", (slot, _PLACES[source.below(len(_PLACES))], _SPANS[source.below(len(_SPANS))]))


def _store(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, "mapping")
    if slot is None:
        return _mmap(source, slots)
    data = Pattern(_SPANS[source.below(len(_SPANS))], source.below(251))
    return Op("store", (slot, _PLACES[source.below(len(_PLACES))], data))


def _msync(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, "mapping")
    return None if slot is None else Op("msync", (slot, _SYNC_FLAGS[source.below(len(_SYNC_FLAGS))]))


def _mapping_path(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, "mapping")
    return None if slot is None else Op("mapping_path", (slot,))


def _munmap(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, "mapping")
    if slot is None:
        return None
    slots.close(slot)
    return Op("munmap", (slot,))


RECIPES = (
    Recipe("memfd_create", 3, _memfd_create, opens=True),
    Recipe("fcntl(F_ADD_SEALS)", 4, _add_seals),
    Recipe("fcntl(F_GET_SEALS)", 1, _get_seals),
    Recipe("ftruncate", 10, _ftruncate),
    Recipe("write", 6, _write),
    Recipe("pread", 4, _pread),
    Recipe("fchmod", 1, _fchmod),
    Recipe("mmap", 8, _mmap),
    Recipe("load", 12, _load),
    Recipe("store", 12, _store),
    Recipe("msync", 1, _msync),
    Recipe("mapping_path", 1, _mapping_path),
    Recipe("munmap", 3, _munmap),
)
