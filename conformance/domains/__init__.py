# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Domains: what a parameter or a result may be, and how it is written.

A domain prints a value in the canonical text, checks a value that was read,
and, where the value names a slot or a payload, resolves it to what a system is given.
"""
