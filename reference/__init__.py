# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The executable specification: what Linux descriptors do, as plain Python.

Read in this order: :mod:`reference.syscalls` (the one narrow interface),
:mod:`reference.outcomes` (how a call can end),
then :mod:`reference.linux.kernel` and the object it leads to.
Nothing in this package performs I/O, and it imports the standard library only.
"""
