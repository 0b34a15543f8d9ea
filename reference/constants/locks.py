# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of locks on files (fcntl(2), flock(2))."""

F_RDLCK = 0
F_WRLCK = 1
F_UNLCK = 2
LOCK_SH = 1
LOCK_EX = 2
LOCK_NB = 4
LOCK_UN = 8
