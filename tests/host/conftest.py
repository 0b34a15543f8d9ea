# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What tests of the host model start from."""

from __future__ import annotations

import pytest

from reference.host.kernel import Host
from reference.linux.kernel import Linux


@pytest.fixture
def host() -> Host:
    """A sandbox over the model of Linux."""
    return Host(Linux())
