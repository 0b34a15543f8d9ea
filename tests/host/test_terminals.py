# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Terminals that were imported, as such or not, over the model of Linux."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reference.constants.errors import EINVAL, EIO, ENOTTY, ESPIPE
from reference.constants.open_flags import O_CREAT, O_NONBLOCK, O_PATH, O_RDONLY, O_RDWR
from reference.constants.requests import (
    FIONBIO,
    FIONREAD,
    TIOCEXCL,
    TIOCGEXCL,
    TIOCGPKT,
    TIOCGPTLCK,
    TIOCGPTPEER,
    TIOCGWINSZ,
    TIOCNXCL,
    TIOCOUTQ,
    TIOCPKT,
    TIOCSPTLCK,
    TIOCSWINSZ,
)
from reference.constants.terminals import B38400, CREAD, CS8, ECHO, TCIFLUSH, TCOOFF, TCSANOW
from reference.constants.transfers import SEEK_SET
from reference.host.kernel import Host
from reference.linux.kernel import Linux
from reference.outcomes import Declined
from reference.structures import Termios, Winsize
from refusals import fails

MODES = Termios(0, 0, CS8 | CREAD | B38400, ECHO, bytes.fromhex("031c7f150400010011131a00120f1716000000"))
WINDOW = Winsize(5, 6, 7, 8)

REFUSED: dict[str, Callable[[Host, int], Any]] = {
    "tcflush": lambda host, fd: host.tcflush(fd, TCIFLUSH),
    "tcflow": lambda host, fd: host.tcflow(fd, TCOOFF),
    "tcsendbreak": lambda host, fd: host.tcsendbreak(fd, 0),
    "tcdrain": lambda host, fd: host.tcdrain(fd),
    "open_slave": lambda host, fd: host.open_slave(fd, O_RDWR),
    "TIOCGPTPEER": lambda host, fd: host.ioctl(fd, TIOCGPTPEER, O_RDWR),
    "TIOCSPTLCK": lambda host, fd: host.ioctl(fd, TIOCSPTLCK, 0),
    "TIOCGPTLCK": lambda host, fd: host.ioctl(fd, TIOCGPTLCK),
    "TIOCPKT": lambda host, fd: host.ioctl(fd, TIOCPKT, 1),
    "TIOCGPKT": lambda host, fd: host.ioctl(fd, TIOCGPKT),
    "TIOCEXCL": lambda host, fd: host.ioctl(fd, TIOCEXCL),
    "TIOCNXCL": lambda host, fd: host.ioctl(fd, TIOCNXCL),
    "TIOCGEXCL": lambda host, fd: host.ioctl(fd, TIOCGEXCL),
    "TIOCOUTQ": lambda host, fd: host.ioctl(fd, TIOCOUTQ),
}
"""Calls that no import answers."""
ANSWERED: dict[str, Callable[[Host, int], Any]] = {
    "tcgetattr": lambda host, fd: host.tcgetattr(fd),
    "tcsetattr": lambda host, fd: host.tcsetattr(fd, TCSANOW, MODES),
    "TIOCGWINSZ": lambda host, fd: host.ioctl(fd, TIOCGWINSZ),
    "TIOCSWINSZ": lambda host, fd: host.ioctl(fd, TIOCSWINSZ, WINDOW),
}
"""Calls that are answered when an import was said to be a terminal."""


@pytest.fixture
def master(host: Host) -> int:
    master = host.posix_openpt(O_RDWR | O_NONBLOCK)
    host.unlockpt(master)
    return master


@pytest.fixture
def slave(host: Host, master: int) -> int:
    return host.open_slave(master, O_RDWR | O_NONBLOCK)


def imported(host: Host, fd: int, tty: int = 1, readonly: int = 0) -> int:
    return host.import_fd(fd, readonly, None, tty, None, 0)


def test_modes_and_window_size_are_the_hosts(host: Host, slave: int) -> None:
    terminal = imported(host, slave)

    assert host.tcgetattr(slave) == host.tcgetattr(terminal)
    assert 0 == host.tcsetattr(terminal, TCSANOW, MODES)
    assert 0 == host.ioctl(terminal, TIOCSWINSZ, WINDOW)
    assert MODES == host.tcgetattr(slave)
    assert WINDOW == host.ioctl(slave, TIOCGWINSZ) == host.ioctl(terminal, TIOCGWINSZ)


def test_a_master_answers_for_its_slave(host: Host, master: int, slave: int) -> None:
    host.tcsetattr(imported(host, master), TCSANOW, MODES)

    assert MODES == host.tcgetattr(slave)


def test_the_line_discipline_is_the_hosts(host: Host, master: int, slave: int) -> None:
    terminal = imported(host, slave)
    host.write(master, b"li\x7fine\n")

    assert 5 == host.ioctl(terminal, FIONREAD)
    assert b"line\n" == host.read(terminal, 10)
    with fails(ESPIPE):
        host.pread(terminal, 1, 0)
    assert 2 == host.write(terminal, b"a\n")


@pytest.mark.parametrize("tty", [0, 1])
@pytest.mark.parametrize("call", REFUSED)
def test_no_import_answers_other_requests(host: Host, master: int, slave: int, call: str, tty: int) -> None:
    for fd in (master, slave):
        with fails(ENOTTY):
            REFUSED[call](host, imported(host, fd, tty))


@pytest.mark.parametrize("tty", [0, 1])
def test_the_c_library_turns_what_unlockpt_gets_into_einval(host: Host, master: int, tty: int) -> None:
    with fails(EINVAL):
        host.unlockpt(imported(host, master, tty))


@pytest.mark.parametrize("call", ANSWERED)
def test_a_terminal_that_was_not_imported_as_one_answers_nothing_of_terminals(
    host: Host, slave: int, call: str
) -> None:
    with fails(ENOTTY):
        ANSWERED[call](host, imported(host, slave, tty=0))


@pytest.mark.parametrize("call", ANSWERED)
def test_a_file_that_is_said_to_be_a_terminal_is_refused_by_the_host(host: Host, call: str) -> None:
    with fails(ENOTTY):
        ANSWERED[call](host, imported(host, host.open("f", O_RDWR | O_CREAT, 0o600)))


def test_a_file_that_is_said_to_be_a_terminal_is_a_file(host: Host) -> None:
    file = imported(host, host.open("f", O_RDWR | O_CREAT, 0o600))
    host.write(file, b"0123456789")

    assert 4 == host.lseek(file, 4, SEEK_SET)
    assert b"45" == host.read(file, 2)
    assert b"89" == host.pread(file, 5, 8)


def test_neither_a_socket_nor_a_read_only_import_is_said_to_be_a_terminal(host: Host, slave: int) -> None:
    socket, _ = host.socketpair(1, 1, 0)

    with fails(ENOTTY):
        imported(host, socket)
    with pytest.raises(Declined):
        imported(host, slave, readonly=1)


def test_an_action_that_the_c_library_does_not_know_is_refused_before_the_descriptor(host: Host, slave: int) -> None:
    for fd in (imported(host, slave), host.reopen(imported(host, slave), O_PATH), -1):
        with fails(EINVAL):
            host.tcsetattr(fd, 7, MODES)


@pytest.mark.parametrize("call", ANSWERED | REFUSED)
def test_other_descriptors_ask_the_kernel_below(host: Host, master: int, slave: int, call: str) -> None:
    below = Linux()
    peer = below.posix_openpt(O_RDWR | O_NONBLOCK)
    below.unlockpt(peer)
    below.open_slave(peer, O_RDWR | O_NONBLOCK)
    ask = (ANSWERED | REFUSED)[call]

    assert ask(below, peer) == ask(host, master)  # type: ignore[arg-type]


def test_a_hung_up_terminal_refuses_on_the_host(host: Host, master: int, slave: int) -> None:
    terminal = imported(host, slave)
    host.close(master)

    with fails(EIO):
        host.tcgetattr(terminal)
    assert 0 == host.ioctl(terminal, FIONBIO, 1)


def test_a_terminal_that_is_opened_again_is_one_too(host: Host, slave: int) -> None:
    again = host.reopen(imported(host, slave), O_RDONLY)

    assert 0 == host.tcsetattr(again, TCSANOW, MODES)
    with fails(ENOTTY):
        host.ioctl(again, TIOCOUTQ)
