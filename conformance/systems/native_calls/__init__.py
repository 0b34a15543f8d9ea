# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The calls of the kernel we run on, through os, fcntl and libc: a module per subject, as in the model.

Every call goes through a function of libc, so that an interposed library sees it.
"""
