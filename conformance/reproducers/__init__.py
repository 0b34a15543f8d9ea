# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Reproducers: pure functions from a divergence to a text that shows it without this project.

Nothing here runs a program or knows a system. :mod:`~conformance.reproducers.case` holds what is shown;
every other module turns it into one kind of text.
"""
