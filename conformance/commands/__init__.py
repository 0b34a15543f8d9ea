# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The commands of ``fdconform``, one module each."""
