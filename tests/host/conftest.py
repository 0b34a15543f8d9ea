# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What tests of the host model start from."""

from __future__ import annotations

import pytest

from imported_sockets import Pair, pair
from reference.constants.sockets import SOCK_DGRAM, SOCK_NONBLOCK, SOCK_SEQPACKET, SOCK_STREAM
from reference.host.kernel import Host
from reference.linux.kernel import Linux


@pytest.fixture
def host() -> Host:
    """A sandbox over the model of Linux."""
    return Host(Linux())


@pytest.fixture
def stream(host: Host) -> Pair:
    """An imported end of a stream, and the other end."""
    return pair(host, SOCK_STREAM | SOCK_NONBLOCK)


@pytest.fixture
def datagram(host: Host) -> Pair:
    """An imported end of a pair of datagram sockets, and the other end."""
    return pair(host, SOCK_DGRAM | SOCK_NONBLOCK)


@pytest.fixture
def sequenced(host: Host) -> Pair:
    """An imported end of a pair of sockets for messages in sequence, and the other end."""
    return pair(host, SOCK_SEQPACKET | SOCK_NONBLOCK)
