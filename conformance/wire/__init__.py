# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The protocol that a system under test speaks: JSON lines on standard input and output."""
