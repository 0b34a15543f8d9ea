# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The Linux descriptor layer as a pure in-memory model.

:mod:`~reference.linux.kernel` is the table of calls;
each call is one function in the module of its subject.
"""
