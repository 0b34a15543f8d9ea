# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Miniatures: small wrong systems with which the harness proves itself."""
