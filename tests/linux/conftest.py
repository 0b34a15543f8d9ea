# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What tests of the model of Linux start from."""

from __future__ import annotations

import pytest

from reference.linux.kernel import Linux
from reference.linux.profile import Profile


@pytest.fixture
def kernel() -> Linux:
    """A kernel whose caller is root."""
    return Linux()


@pytest.fixture
def user() -> Linux:
    """A kernel whose caller is an ordinary user."""
    return Linux(Profile(uid=1000, gid=1000, capable=False))
