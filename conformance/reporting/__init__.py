# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Reports: pure functions from the events of a run to text.

:mod:`~conformance.reporting.run` folds events into one value; every other module turns that value into a text.
Nothing here runs a program or knows a system.
"""
