# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Property-based conformance tests for implementations of Linux file descriptors."""
