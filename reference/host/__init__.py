# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The host inode / file-description model: what a sandbox presents when host descriptors are imported.

A sandbox kernel gives its application a file for a descriptor that already exists on the host.
The application sees a description of the sandbox's own, with its own offset and status flags,
over an inode of the sandbox's own, with its own number, owner and locks, and behind both lies the host's description.
Most operations ask the host; where and how the answer differs from what Linux would give is what the clauses say.

Three layers decide, outermost first, and the docstrings call them by these names:

- the *calls* (:class:`~reference.host.kernel.Host`) look up numbers, check scalar arguments, and turn "would block"
  into EAGAIN or sleep;
- the *wrapper* (:class:`~reference.host.description.Description`) holds status flags and the directions of transfer;
- the *model* (:class:`~reference.host.inode.Inode` and the descriptions of each kind) is what the sandbox adds.

:class:`~reference.host.kernel.Host` is a :class:`~reference.syscalls.Syscalls` over another one, whichever it is.
Numbers are shared between the two: number *n* of the application, where it was imported, is the sandbox's,
and number *n* of the kernel below is a duplicate of the host descriptor that was donated for it.
A number that was not imported is the host's own, and every call on it is the kernel's.
"""
