# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What is done with a descriptor itself: commands and flags (fcntl(2), close_range(2))."""

# fcntl(2) commands
F_DUPFD = 0
F_GETFD = 1
F_SETFD = 2
F_GETFL = 3
F_SETFL = 4
F_GETLK = 5
F_SETLK = 6
F_SETLKW = 7
F_SETOWN = 8
F_GETOWN = 9
F_DUPFD_CLOEXEC = 1030
F_SETPIPE_SZ = 1031
F_GETPIPE_SZ = 1032
F_ADD_SEALS = 1033
F_GET_SEALS = 1034
F_OFD_GETLK = 36
F_OFD_SETLK = 37
F_OFD_SETLKW = 38

# Descriptor flags
FD_CLOEXEC = 1

# close_range(2)
CLOSE_RANGE_UNSHARE = 2
CLOSE_RANGE_CLOEXEC = 4
