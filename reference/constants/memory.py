# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Files in memory, and memory over files."""

# memfd_create(2) and file seals
MFD_CLOEXEC = 1
MFD_ALLOW_SEALING = 2
MFD_NOEXEC_SEAL = 8
MFD_EXEC = 16
F_SEAL_SEAL = 1
F_SEAL_SHRINK = 2
F_SEAL_GROW = 4
F_SEAL_WRITE = 8
F_SEAL_FUTURE_WRITE = 16
F_SEAL_EXEC = 32

# mmap(2) and msync(2)
PROT_NONE = 0
PROT_READ = 1
PROT_WRITE = 2
PROT_EXEC = 4
MAP_SHARED = 1
MAP_PRIVATE = 2
MAP_SHARED_VALIDATE = 3
MS_ASYNC = 1
MS_INVALIDATE = 2
MS_SYNC = 4
