# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Systems that programs run on. Each is a small module; none imports another."""
