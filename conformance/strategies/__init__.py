# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Random programs: recipes for ops, one module per kind, drawn by Hypothesis or from a seed."""
