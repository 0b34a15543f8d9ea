# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""How data moves into pipes, out of them and between them without passing through the caller.

Each mover waits until it can begin (for room, or for data), refuses when it may not wait, and then never waits again:
what it has moved by then is its result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.errors import EAGAIN, EINVAL, EPIPE
from reference.constants.limits import MAX_RW_COUNT, PAGE_SIZE
from reference.constants.open_flags import O_APPEND
from reference.constants.signals import SIGPIPE
from reference.linux.releases import NOTHING_LENT_SINCE
from reference.linux.ring import Ring, Slot
from reference.outcomes import Refused, Sleeps

if TYPE_CHECKING:
    from reference.linux.description import OpenFileDescription
    from reference.linux.state import KernelState


# Beginning --------------------------------------------------------------------------------------


def wait_for_room(kernel: KernelState, ring: Ring, nonblocking: bool) -> None:
    """Go on only when the pipe has readers and a free slot."""
    if not ring.readers:
        kernel.signals.append(SIGPIPE)
        raise Refused(EPIPE, "SPLICE-EPIPE")
    if ring.full:
        if nonblocking:
            raise Refused(EAGAIN, "SPLICE-FULL")
        raise Sleeps("SPLICE-WAITS-FOR-ROOM")


def wait_for_data(kernel: KernelState, ring: Ring, nonblocking: bool) -> bool:
    """Go on only when the pipe holds data: False at its end."""
    if ring.slots:
        return True
    if not ring.writers:
        kernel.cite("SPLICE-EOF")
        return False
    if nonblocking:
        raise Refused(EAGAIN, "SPLICE-EMPTY")
    raise Sleeps("SPLICE-WAITS-FOR-DATA")


# Pipe to pipe -----------------------------------------------------------------------------------


def move_slots(kernel: KernelState, source: Ring, target: Ring, count: int, nonblocking: bool) -> int:
    """splice(2) between pipes: whole slots go over as they are; of the last, both pipes may hold a part."""
    # CHECK
    wait_for_data(kernel, source, nonblocking)
    wait_for_room(kernel, target, nonblocking)
    # CHANGE
    moved = 0
    emptied = False
    while count and source.slots and not target.full:
        slot = source.slots[0]
        if count >= slot.left:
            step = slot.left
            target.slots.append(source.slots.popleft())
            emptied = True
        else:
            step = count
            target.slots.append(slot.shared(count))
            slot.taken += count
            kernel.cite("SPLICE-PART")
        moved += step
        count -= step
    if moved:
        kernel.cite("SPLICE-MOVES-SLOTS")
        target.read_queue.wake(0)
    if emptied:
        source.write_queue.wake(0)
    # RETURN
    return moved


def share_slots(kernel: KernelState, source: Ring, target: Ring, count: int, nonblocking: bool) -> int:
    """tee(2): the other pipe holds the same memory, and the first keeps what it has."""
    # CHECK
    wait_for_data(kernel, source, nonblocking)
    wait_for_room(kernel, target, nonblocking)
    # CHANGE
    moved = target.add(source.pieces(count))
    if moved:
        kernel.cite("TEE-SHARES")
        target.read_queue.wake(0)
    # RETURN
    return moved


# Into a pipe ------------------------------------------------------------------------------------


def lend(
    source: OpenFileDescription, ring: Ring, position: int, count: int, nonblocking: bool = False
) -> tuple[int, int]:
    """Fill the free slots of a pipe from an object: the number of bytes, and the position behind them."""
    target = source.object
    release = target.kernel.profile.kernel
    # CHECK
    count = min(count, ring.room * PAGE_SIZE, MAX_RW_COUNT)
    if not count and release >= NOTHING_LENT_SINCE:
        return 0, position
    if not target.lends or release < target.lends_since:
        raise Refused(EINVAL, "SPLICE-SOURCE")
    # CHANGE
    slots, position = target.lend(source, position, count, ring.room, nonblocking)
    # RETURN
    return ring.add(slots), position


def fill(
    kernel: KernelState, source: OpenFileDescription, ring: Ring, position: int, count: int, nonblocking: bool
) -> tuple[int, int]:
    """splice(2) or sendfile(2) into a pipe."""
    # CHECK
    wait_for_room(kernel, ring, nonblocking)
    # CHANGE
    moved, position = lend(source, ring, position, count, nonblocking)
    if moved:
        ring.read_queue.wake(0)
    # RETURN
    return moved, position


# Out of a pipe ----------------------------------------------------------------------------------


def drain(
    kernel: KernelState, ring: Ring, target: OpenFileDescription, position: int, count: int, nonblocking: bool
) -> tuple[int, int]:
    """splice(2) out of a pipe: write after write, as long as there is data. Never waits once it has moved some."""
    taker = target.object
    # CHECK
    if not taker.takes_pages or kernel.profile.kernel < taker.takes_pages_since:
        raise Refused(EINVAL, "SPLICE-TARGET")
    # CHANGE
    moved = 0
    emptied = False
    try:
        while moved < count:
            if moved and not ring.slots:
                break
            if not wait_for_data(kernel, ring, nonblocking):
                break
            pieces = ring.pieces(count - moved)
            if taker.takes_one_page():
                pieces = pieces[:1]
            taken, position = taker.take_pages(target, pieces, position)
            emptied = ring.drop(taken) or emptied
            moved += taken
            if not taken:
                break
    except (Refused, Sleeps):
        if not moved:
            raise
        kernel.cite("SPLICE-PARTIAL")
    finally:
        if emptied:
            ring.write_queue.wake(0)
    # RETURN
    return moved, position


def discard(kernel: KernelState, ring: Ring, count: int, nonblocking: bool) -> int:
    """vmsplice(2) of a reading end: the first ``count`` bytes leave the pipe."""
    # CHECK
    if not wait_for_data(kernel, ring, nonblocking):
        return 0
    # CHANGE
    moved = min(count, ring.waiting_bytes())
    if ring.drop(moved):
        ring.write_queue.wake(0)
    # RETURN
    return moved


# Between two objects ----------------------------------------------------------------------------


def send_through(
    kernel: KernelState,
    source: OpenFileDescription,
    position: int,
    target: OpenFileDescription,
    target_position: int,
    count: int,
) -> tuple[int, int, int]:
    """sendfile(2) and copy_file_range(2), through a pipe of the kernel's own, as much at a time as that holds.

    The number of bytes moved, and the two positions behind them. What the target did not take is not read.
    """
    # CHECK
    if target.flags & O_APPEND:
        raise Refused(EINVAL, "SENDFILE-APPEND")
    origin = source.object
    if not origin.seeks:
        raise Refused(EINVAL, "SENDFILE-SOURCE")
    # CHANGE
    moved = 0
    try:
        while moved < count:
            ring = Ring()
            ring.readers = 1
            lent, behind = lend(source, ring, position, count - moved)
            if not lent:
                break
            taken, target_position = drain(kernel, ring, target, target_position, lent, False)
            moved += taken
            position = behind if taken == lent else position + taken
            if taken < lent:
                break
    except (Refused, Sleeps):
        if not moved:
            raise
        kernel.cite("SENDFILE-PARTIAL")
    finally:
        origin.accessed(source)
    # RETURN
    return moved, position, target_position


def offered(buffers: tuple[bytes, ...]) -> list[Slot]:
    """The slots that vmsplice(2) makes of buffers, each of which begins at a page of its own."""
    return [Slot(buffer[start : start + PAGE_SIZE]) for buffer in buffers for start in range(0, len(buffer), PAGE_SIZE)]
