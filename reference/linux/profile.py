# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What differs between the machines that all call themselves Linux, as data.

A rule that depends on the kernel version, the file system, a limit or a privilege asks the profile;
the model holds no other condition on its surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reference.constants import PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Filesystem:
    """The file system that holds the program's directory."""

    name: str
    block_size_bytes: int = PAGE_SIZE


EXT4 = Filesystem("ext4")
TMPFS = Filesystem("tmpfs")
FILESYSTEMS = {filesystem.name: filesystem for filesystem in (EXT4, TMPFS)}


@dataclass(frozen=True, slots=True)
class Profile:
    """One Linux: kernel release, file system, limits and identity of the caller.

    ``descriptors_max`` is RLIMIT_NOFILE, ``file_size_bytes_max`` RLIMIT_FSIZE (getrlimit(2)).
    ``capable`` says that the caller holds root's capabilities (capabilities(7)), except CAP_SYS_RESOURCE:
    containers often withhold that one from root, so ``resource_capable`` says it apart.
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
    pipe_pages_soft_max: int = 2**14
    socket_buffer_bytes_default: int = 212992
    socket_buffer_bytes_max: int = 212992
    datagram_queue_max: int = 10
