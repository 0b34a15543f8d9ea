# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The numbers of imports, and what they mean when they are closed, over the model of Linux."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from reference.constants.errors import EBADF, EINVAL
from reference.host.kernel import Host
from reference.outcomes import Refused

BELOW_THE_FIRST = -1
CLOSINGS: dict[str, Callable[[Host, int], int]] = {
    "close": lambda host, fd: host.close(fd),
    "close_range": lambda host, fd: host.close_range(fd, fd, 0),
}


@pytest.fixture(params=CLOSINGS)
def closed(request: pytest.FixtureRequest) -> Callable[[Host, int], int]:
    return CLOSINGS[request.param]


def left_by_an_import(host: Host) -> int:
    """A number that is not open, and was an import's last."""
    number = host.import_fd(host.kernel.pipe2(0)[0], 0, None, 0, None, 0)
    host.close(number)
    return number


def refusal_at(host: Host, fd: int) -> int | None:
    with pytest.raises(Refused) as refusal:
        host.pread(fd, 1, BELOW_THE_FIRST)
    return refusal.value.errno


def test_a_number_that_an_import_left_is_looked_up_before_the_offset_is(host: Host) -> None:
    assert EBADF == refusal_at(host, left_by_an_import(host))


def test_a_number_that_the_host_used_after_an_import_is_the_hosts(
    host: Host, closed: Callable[[Host, int], int]
) -> None:
    number = left_by_an_import(host)
    assert number == host.epoll_create1(0)

    closed(host, number)

    assert EINVAL == refusal_at(host, number)


def test_a_number_stays_an_imports_when_it_is_closed_twice(host: Host, closed: Callable[[Host, int], int]) -> None:
    number = left_by_an_import(host)

    with suppress(Refused):
        closed(host, number)

    assert EBADF == refusal_at(host, number)
