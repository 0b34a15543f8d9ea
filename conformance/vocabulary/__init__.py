# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The ops, one module per kind of object they are about.

Each module lists :class:`~conformance.vocabulary.spec.OpSpec` values in ``OPS``;
:mod:`conformance.ops` joins them.
"""
