# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What differs between the machines that all call themselves Linux, as data.

A rule that depends on the kernel version, the file system, a limit or a privilege asks the profile;
the model holds no other condition on its surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reference.constants.file_status import (
    ANON_INODE_FS_MAGIC,
    DEVPTS_SUPER_MAGIC,
    EXT4_SUPER_MAGIC,
    PIPEFS_MAGIC,
    PROC_SUPER_MAGIC,
    TMPFS_MAGIC,
)
from reference.constants.limits import PAGE_SIZE
from reference.constants.transfers import (
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_INSERT_RANGE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_ZERO_RANGE,
)
from reference.linux.releases import MEMORY_ATTRIBUTES_SINCE, MEMORY_DIRECT_SINCE
from reference.outcomes import OneOf

NEVER = (2**16, 0)
"""A kernel release that does not come."""


@dataclass(frozen=True, slots=True)
class Filesystem:
    """A file system, and what it makes of the freedom that file systems have.

    ``relatime`` says that a read takes the access time only when it is old or not newer than the other times;
    times that are set are held within ``time_min_s`` and ``time_max_s`` (seconds since the epoch).
    ``file_size_bytes_max`` bounds offsets and sizes, ``allocate_modes`` are the modes of fallocate(2) beside KEEP_SIZE,
    ``direct_alignment_bytes`` is what O_DIRECT asks of offsets and lengths (1: nothing),
    from the kernel ``direct_since`` on. ``nowait`` and ``uncached`` say that RWF_NOWAIT and RWF_DONTCACHE are known.
    ``extents`` says that files live on a disk behind a page cache, in extents that may be unwritten;
    without it the page cache is all there is.
    ``appends_always`` says that RWF_NOAPPEND is taken and does not lift O_APPEND.
    ``same_size_changes`` says that truncate(2) to the size that a file has counts as a change of it.
    ``directory_end`` is where SEEK_END leads in a directory (None: nowhere), and ``directory_name_end`` how much
    farther with each byte of a name; ``directory_read_end`` where a reader of all names comes to stand.
    ``directory_links`` says that a directory counts its own dot, and the dots of those in it that lead back, as links.
    With ``hashed_directories`` a reader of a part of the names may stand anywhere.
    ``link_target_bytes_inline`` the longest target that a symbolic link keeps without a block of its own,
    ``name_bytes_max`` the longest name. ``seals`` says that files can be sealed (fcntl(2)).
    ``magic`` names its type to statfs(2).
    ``attributes_since`` is the kernel from which on it keeps extended attributes of users (xattr(7)),
    ``attribute_inode_bytes`` and ``attribute_block_bytes`` the room it has for them in an inode and beside it (0: all).
    ``birth_time``, ``direct_alignment`` say what statx(2) knows beyond the basics;
    with ``multigrain_times`` (Linux 6.13) it leaves out change times that nobody asks for.
    ``remembers`` says that it tells of what nobody asks for what it has seen last.
    ``zero_pages`` says that it lends a page of zeros for a hole, and not the page that is written to later (splice(2)).
    """

    name: str
    magic: int | OneOf
    block_size_bytes: int = PAGE_SIZE
    relatime: bool = True
    time_min_s: int = -(2**63)
    time_max_s: int = 2**63 - 1
    file_size_bytes_max: int = 2**63 - 1
    allocate_modes: tuple[int, ...] = (0, FALLOC_FL_PUNCH_HOLE)
    direct_alignment_bytes: int = 1
    direct_since: tuple[int, int] = MEMORY_DIRECT_SINCE
    nowait: bool = False
    uncached: bool = False
    extents: bool = False
    appends_always: bool = False
    same_size_changes: bool = False
    directory_end: int | None = None
    directory_name_end: int = 0
    directory_read_end: int = 2**31 - 1
    directory_links: bool = True
    hashed_directories: bool = False
    link_target_bytes_inline: int = 127
    name_bytes_max: int = 255
    seals: bool = False
    birth_time: bool = False
    direct_alignment: bool = False
    multigrain_times: bool = False
    remembers: bool = False
    zero_pages: bool = False
    attributes_since: tuple[int, int] = NEVER
    attribute_inode_bytes: int = 0
    attribute_block_bytes: int = 0


EXT4 = Filesystem(
    "ext4",
    EXT4_SUPER_MAGIC,
    time_min_s=-(2**31),
    time_max_s=2**34 - 2**31 - 1,
    directory_end=2**63 - 1,
    directory_read_end=2**63 - 1,
    hashed_directories=True,
    link_target_bytes_inline=59,
    birth_time=True,
    direct_alignment=True,
    multigrain_times=True,
    file_size_bytes_max=2**44 - PAGE_SIZE,
    allocate_modes=(
        0,
        FALLOC_FL_PUNCH_HOLE,
        FALLOC_FL_ZERO_RANGE,
        FALLOC_FL_COLLAPSE_RANGE,
        FALLOC_FL_INSERT_RANGE,
    ),
    direct_alignment_bytes=512,
    direct_since=(2, 6),
    nowait=True,
    uncached=True,
    extents=True,
    same_size_changes=True,
    attributes_since=(2, 6),
    attribute_inode_bytes=256 - 160 - 8,
    attribute_block_bytes=PAGE_SIZE - 36,
)
TMPFS = Filesystem(
    "tmpfs",
    TMPFS_MAGIC,
    seals=True,
    birth_time=True,
    multigrain_times=True,
    zero_pages=True,
    attributes_since=MEMORY_ATTRIBUTES_SINCE,
)
MEMORY = Filesystem(
    "memfd",
    TMPFS_MAGIC,
    relatime=False,
    seals=True,
    birth_time=True,
    multigrain_times=True,
    zero_pages=True,
    attributes_since=MEMORY_ATTRIBUTES_SINCE,
)
"""Where memfd_create(2) makes its files: a tmpfs that is mounted nowhere."""
DEVTMPFS = Filesystem(
    "devtmpfs", OneOf((TMPFS_MAGIC, DEVPTS_SUPER_MAGIC)), birth_time=True, attributes_since=MEMORY_ATTRIBUTES_SINCE
)
"""Where a machine keeps its device nodes. Some keep that of pseudoterminals among the slaves."""
ANONYMOUS = Filesystem("anon_inodefs", ANON_INODE_FS_MAGIC, relatime=False)
"""Where epoll instances and their like live, all on one inode."""
PIPEFS = Filesystem("pipefs", PIPEFS_MAGIC, relatime=False)
PROCFS = Filesystem("proc", PROC_SUPER_MAGIC, block_size_bytes=1024)
FILESYSTEMS = {filesystem.name: filesystem for filesystem in (EXT4, TMPFS)}


@dataclass(frozen=True, slots=True)
class Profile:
    """One Linux: kernel release, file system, limits and identity of the caller.

    ``descriptors_max`` is RLIMIT_NOFILE, ``file_size_bytes_max`` RLIMIT_FSIZE (getrlimit(2)),
    which a program may lower. It may be beyond what the model can hold of a file, which then is NotModelled.
    ``capable`` says that the caller holds root's capabilities (capabilities(7)), except CAP_SYS_RESOURCE:
    containers often withhold that one from root, so ``resource_capable`` says it apart.
    ``datagram_queue_max`` is net.unix.max_dgram_qlen, ``listen_backlog_max`` net.core.somaxconn.
    """

    kernel: tuple[int, int] = (6, 18)
    filesystem: Filesystem = field(default=EXT4)
    uid: int = 0
    gid: int = 0
    capable: bool = True
    resource_capable: bool = False
    descriptors_max: int = 256
    file_size_bytes_max: int = 2**21
    umask: int = 0o022
    pipe_size_bytes_max: int = 2**20
    socket_buffer_bytes_default: int = 212992
    socket_buffer_bytes_max: int = 2**22
    datagram_queue_max: int = 10
    listen_backlog_max: int = 4096
    timer_ticks_per_second: int = 250
