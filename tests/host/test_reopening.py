# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""An import that is opened again, over the model of Linux: which flags are refused, and in which order."""

from __future__ import annotations

import pytest

from reference.constants.descriptors import F_GETFL
from reference.constants.errors import EEXIST, EINVAL, EISDIR, ENOTDIR
from reference.constants.open_flags import (
    O_CREAT,
    O_DIRECTORY,
    O_DSYNC,
    O_EXCL,
    O_PATH,
    O_RDWR,
    O_TMPFILE,
    SYNC_BIT,
    TMPFILE_BIT,
)
from reference.constants.sockets import AF_UNIX, SOCK_STREAM
from reference.host.kernel import Host
from reference.outcomes import Refused


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        (TMPFILE_BIT | O_RDWR, EINVAL),
        (TMPFILE_BIT | O_PATH, EINVAL),
        (O_TMPFILE | O_RDWR | O_CREAT, EINVAL),
        (O_TMPFILE, EINVAL),
        (O_TMPFILE | O_RDWR, ENOTDIR),
        (O_CREAT | O_EXCL | O_DIRECTORY, EISDIR),
        (O_CREAT | O_EXCL, EEXIST),
        (O_DIRECTORY | O_RDWR, ENOTDIR),
        (O_DIRECTORY | O_PATH | O_CREAT, ENOTDIR),
    ],
)
def test_flags_that_do_not_fit_are_refused_in_the_order_of_the_sandbox(host: Host, flags: int, error: int) -> None:
    imported = host.import_fd(host.kernel.open("f", O_RDWR | O_CREAT, 0o600), 0, None, 0, None, 0)

    with pytest.raises(Refused) as refusal:
        host.reopen(imported, flags)

    assert error == refusal.value.errno


def test_a_socket_passes_for_a_directory_where_only_its_name_is_wanted(host: Host) -> None:
    imported = host.import_fd(host.kernel.socketpair(AF_UNIX, SOCK_STREAM, 0)[0], 0, None, 0, None, 0)

    named = host.reopen(imported, O_PATH | O_DIRECTORY)

    assert O_PATH | O_DIRECTORY == host.fcntl(named, F_GETFL)


def test_the_flag_of_all_writes_implies_the_one_of_data(host: Host) -> None:
    imported = host.import_fd(host.kernel.open("f", O_RDWR | O_CREAT, 0o600), 0, None, 0, None, 0)

    again = host.reopen(imported, O_RDWR | SYNC_BIT)

    assert O_RDWR | SYNC_BIT | O_DSYNC == host.fcntl(again, F_GETFL)
