# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Since which release of Linux a rule is as it is now, where it was another one before.

The clauses say what was done before, by which commit that ended, and have a program that tells (``varies``).
"""

from __future__ import annotations

RANDOM_LENDS_SINCE = (5, 19)
"""splice(2) and its like take bytes from /dev/urandom."""
EXECUTABLE_MEMORY_SINCE = (6, 3)
"""memfd_create(2) knows MFD_EXEC and MFD_NOEXEC_SEAL."""
EXECUTABLE_SEAL_SINCE = (6, 3)
"""Memory files have the seal F_SEAL_EXEC."""
PIPE_NOWAIT_SINCE = (6, 4)
"""Pipes know RWF_NOWAIT."""
SOCKET_NOWAIT_SINCE = (6, 5)
"""Sockets know RWF_NOWAIT."""
MESSAGE_SPLICE_SINCE = (6, 5)
"""splice(2) and its like hand a socket all that they move as one message, not each buffer as one of its own."""
NOTHING_LENT_SINCE = (6, 5)
"""sendfile(2) of no bytes asks nothing of what it would read."""
MEMORY_DIRECT_SINCE = (6, 6)
"""A file system in memory takes O_DIRECT, and does nothing about it."""
ENTRIES_OFFSETS_SINCE = (6, 6)
"""The names of a directory in memory have places that they keep."""
OWN_LOCKS_SINCE = (6, 6)
"""F_OFD_GETLK with F_UNLCK asks for the description's own locks."""
INT_ARGUMENTS_SINCE = (6, 6)
"""Commands of fcntl(2) that are documented to take an int take the low 32 bits of what they are given."""
MEMORY_ATTRIBUTES_SINCE = (6, 6)
"""File systems in memory keep extended attributes of users."""
DEVICES_LEND_SINCE = (6, 7)
"""splice(2) and its like take zeros from /dev/zero and /dev/full, and throw away what they give to /dev/zero."""
SPLICE_SPAN_FIRST_SINCE = (6, 8)
"""splice(2) into a pipe looks at the whole count before it looks at the room of the pipe."""
LENGTHS_LATER_SINCE = (6, 8)
"""readv(2) and its like look at the access mode of the descriptor before the lengths of the buffers."""
EPOLL_IOCTL_SINCE = (6, 9)
"""Epoll instances have ioctl(2) requests."""
NOAPPEND_SINCE = (6, 9)
"""preadv2(2) and pwritev2(2) know RWF_NOAPPEND."""
MARK_CONSUMED_SINCE = (6, 10)
"""A mark whose byte was taken still counts as one at the head of the queue (SIOCATMARK)."""
ATOMIC_SINCE = (6, 11)
"""They know RWF_ATOMIC."""
FLAGS_IGNORED_SINCE = (6, 11)
"""statx(2) of a descriptor by an empty path looks at no flag that is about paths."""
ALLOCATION_SORTED_SINCE = (6, 12)
"""fallocate(2) tells an operation that does not exist from one that it knows, whatever flags stand beside."""
ATTRIBUTES_BY_VALUE_SINCE = (6, 13)
"""The calls on extended attributes look at their arguments before the descriptor."""
MULTIGRAIN_SINCE = (6, 13)
"""File systems have fine-grained change times, which statx(2) looks at only for those who ask."""
DATAGRAM_SIZE_FIRST_SINCE = (6, 14)
"""A datagram is made, if it is not too long, before its receiver is looked for."""
DONTCACHE_SINCE = (6, 14)
"""They know RWF_DONTCACHE."""
ENTRIES_END_SINCE = (6, 14)
"""A directory in memory has one place behind all names."""
ROOM_WAKES_SINCE = (6, 14)
"""A read of a full pipe wakes writers only when it empties a slot."""
EPOLL_DESCRIPTOR_FIRST_SINCE = (6, 15)
"""epoll_wait(2) looks at the descriptor before the number of events."""
TIMES_SPARED_SINCE = (6, 15)
"""Data that passes leaves the times of a pipe alone."""
ANONYMOUS_ATTRIBUTES_SINCE = (6, 16)
"""The inode that all epoll instances stand on has attributes that nobody can change."""
PROGRAMS_BARRED_SINCE = (6, 16)
"""Pipes, sockets and epoll instances are on mounts without programs. Of the first two the release is not known."""
CREDENTIALS_AT_CONNECT_SINCE = (6, 16)
"""A connection takes SO_PASSCRED over from the listening socket when it is made, not when it is accepted."""
MARK_OF_STREAMS_SINCE = (6, 17)
"""SIOCATMARK is refused where there is no mark. The release is not known for sure."""
QUEUE_COUNTED_SINCE = (6, 17)
"""FIONREAD of a stream tells a count that is kept, in which a byte that was stepped over stays."""
WRITTEN_ZEROS_SINCE = (6, 17)
"""fallocate(2) knows FALLOC_FL_WRITE_ZEROES."""
NOSIGNAL_SINCE = (6, 18)
"""They know RWF_NOSIGNAL."""
