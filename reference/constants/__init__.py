# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The numbers of the Linux ABI on x86-64, by name: one module for each subject.

They are written out, not taken from the running platform,
so that the model means the same where no Linux is.
"""
