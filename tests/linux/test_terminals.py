# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Pseudoterminals and their line discipline in the model."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from reference.constants.descriptors import F_SETFL
from reference.constants.errors import EAGAIN, EBUSY, EINVAL, EIO, ENOTTY, ESPIPE
from reference.constants.open_flags import O_ASYNC, O_NONBLOCK, O_RDWR
from reference.constants.readiness import POLLHUP, POLLIN, POLLOUT, POLLPRI
from reference.constants.requests import FIONREAD, TIOCEXCL, TIOCGPTLCK, TIOCGPTPEER, TIOCPKT, TIOCSPTLCK
from reference.constants.signals import SIGIO
from reference.constants.terminals import (
    ECHO,
    ECHOCTL,
    ECHOE,
    ECHOPRT,
    EXTPROC,
    ICANON,
    IXANY,
    IXON,
    NOFLSH,
    OPOST,
    PARMRK,
    TAB3,
    TCIFLUSH,
    TCOOFF,
    TCOON,
    TCSANOW,
    TIOCPKT_FLUSHREAD,
    VMIN,
)
from reference.constants.transfers import SEEK_CUR
from reference.linux.kernel import Linux
from reference.linux.line_discipline import RING_BYTES
from reference.linux.profile import Profile
from reference.linux.terminal_modes import SLAVE_TERMIOS
from reference.outcomes import Sleeps
from reference.structures import Termios


class Pair(NamedTuple):
    """A pseudoterminal with both ends open."""

    linux: Linux
    master: int
    slave: int

    def modes(self, iflag: int = 0, oflag: int = 0, lflag: int = 0, cc: bytes = SLAVE_TERMIOS.cc) -> None:
        """Set the modes of the slave."""
        self.linux.tcsetattr(self.slave, TCSANOW, Termios(iflag, oflag, 0, lflag, cc))

    def typed(self, data: bytes) -> bytes:
        """What the slave reads after the master wrote this."""
        self.linux.write(self.master, data)
        return self.linux.read(self.slave, RING_BYTES)

    def shown(self, data: bytes) -> bytes:
        """What the master reads back after it wrote this."""
        self.linux.write(self.master, data)
        return self.linux.read(self.master, RING_BYTES)

    def poll(self, fd: int) -> int:
        """The events of one end that are asked for by everybody."""
        return self.linux.fds.lookup(fd).object.poll(self.linux.fds.lookup(fd)) & (POLLIN | POLLPRI | POLLOUT | POLLHUP)


@pytest.fixture
def pair() -> Pair:
    linux = Linux()
    master = linux.posix_openpt(O_RDWR | O_NONBLOCK)
    linux.unlockpt(master)
    return Pair(linux, master, linux.open_slave(master, O_RDWR | O_NONBLOCK))


def refused(errno: int) -> pytest.RaisesExc[OSError]:
    return pytest.raises(OSError, match=rf"\[Errno {errno}\]")


def test_a_slave_starts_locked() -> None:
    linux = Linux()
    master = linux.posix_openpt(O_RDWR)
    assert linux.ioctl(master, TIOCGPTLCK) == 1
    with refused(EIO):
        linux.open_slave(master, O_RDWR)


def test_a_refused_opening_breaks_the_slave_until_one_succeeds(pair: Pair) -> None:
    pair.linux.ioctl(pair.master, TIOCSPTLCK, 1)
    with refused(EIO):
        pair.linux.open_slave(pair.master, O_RDWR)
    with refused(EIO):
        pair.linux.write(pair.slave, b"x")
    pair.linux.unlockpt(pair.master)
    pair.linux.open_slave(pair.master, O_RDWR)
    assert pair.linux.write(pair.slave, b"x") == 1


def test_the_peer_of_a_slave_cannot_be_opened(pair: Pair) -> None:
    with refused(EIO):
        pair.linux.ioctl(pair.slave, TIOCGPTPEER, O_RDWR)


def test_unlockpt_wants_a_master(pair: Pair) -> None:
    with refused(EINVAL):
        pair.linux.unlockpt(pair.slave)


def test_an_exclusive_slave_is_busy_for_a_user() -> None:
    linux = Linux(Profile(uid=1000, gid=1000, capable=False))
    master = linux.posix_openpt(O_RDWR)
    linux.unlockpt(master)
    linux.ioctl(linux.open_slave(master, O_RDWR), TIOCEXCL)
    with refused(EBUSY):
        linux.open_slave(master, O_RDWR)


def test_modes_of_both_ends_are_the_same(pair: Pair) -> None:
    pair.modes(lflag=ECHO)
    assert pair.linux.tcgetattr(pair.master) == pair.linux.tcgetattr(pair.slave)


def test_modes_of_a_device_that_is_no_terminal_are_refused() -> None:
    linux = Linux()
    with refused(ENOTTY):
        linux.tcgetattr(linux.open("/dev/null", O_RDWR, 0))


def test_a_terminal_has_no_position(pair: Pair) -> None:
    with refused(ESPIPE):
        pair.linux.lseek(pair.slave, 0, SEEK_CUR)


def test_a_line_is_read_once_it_ended(pair: Pair) -> None:
    with refused(EAGAIN):
        pair.typed(b"no end")
    assert pair.typed(b" yet\rmore\n") == b"no end yet\n"


def test_a_read_without_a_line_sleeps(pair: Pair) -> None:
    pair.linux.fcntl(pair.slave, F_SETFL, O_RDWR)
    with pytest.raises(Sleeps):
        pair.linux.read(pair.slave, 1)


def test_echo_shows_control_characters(pair: Pair) -> None:
    assert pair.shown(b"a\x01\t\n") == b"a^A\t\r\n"


def test_erasing_a_control_character_takes_two_columns(pair: Pair) -> None:
    assert pair.shown(b"\x01\x7f") == b"^A\b \b\b \b"


def test_erasing_a_tab_goes_back_as_far_as_it_reached(pair: Pair) -> None:
    assert pair.shown(b"abc\t\x7f") == b"abc\t" + b"\b" * 5


def test_a_word_is_erased_with_what_follows_it(pair: Pair) -> None:
    assert pair.typed(b"two words ,\x17\n") == b"two \n"


def test_a_killed_line_is_gone(pair: Pair) -> None:
    assert pair.typed(b"gone\x15kept\n") == b"kept\n"


def test_erased_characters_are_printed_between_slashes(pair: Pair) -> None:
    pair.modes(lflag=ICANON | ECHO | ECHOE | ECHOPRT)
    assert pair.shown(b"abc\x7f\x7fd") == b"abc\\cb/d"


def test_the_literal_next_character_takes_the_meaning(pair: Pair) -> None:
    assert pair.typed(b"\x16\x03\x16\x7f\n") == b"\x03\x7f\n"


def test_end_of_file_at_the_start_of_a_line_reads_as_nothing(pair: Pair) -> None:
    assert pair.typed(b"\x04") == b""


def test_end_of_file_in_a_line_pushes_it(pair: Pair) -> None:
    assert pair.typed(b"push\x04") == b"push"


def test_a_read_that_is_full_takes_the_end_of_file_along(pair: Pair) -> None:
    pair.linux.write(pair.master, b"abc\x04d\n")
    assert pair.linux.read(pair.slave, 3) == b"abc"
    assert pair.linux.read(pair.slave, 3) == b"d\n"


def test_fionread_counts_ended_lines_only(pair: Pair) -> None:
    pair.linux.write(pair.master, b"ab\ncd\x04not this")
    assert pair.linux.ioctl(pair.slave, FIONREAD) == 5


def test_a_line_holds_4095_bytes_and_then_its_last_byte_changes(pair: Pair) -> None:
    pair.modes(lflag=ICANON)
    assert pair.typed(b"x" * 5000 + b"yz\n") == b"x" * 4095 + b"\n"


def test_without_canonical_mode_input_waits_behind_4095_bytes(pair: Pair) -> None:
    pair.modes()
    pair.linux.write(pair.master, bytes(5000))
    assert pair.linux.ioctl(pair.slave, FIONREAD) == 4095
    pair.linux.read(pair.slave, 4000)
    assert pair.linux.ioctl(pair.slave, FIONREAD) == 1000


def test_a_minimum_above_64_is_read_by_64(pair: Pair) -> None:
    cc = bytearray(SLAVE_TERMIOS.cc)
    cc[VMIN] = 65
    pair.modes(cc=bytes(cc))
    assert len(pair.typed(bytes(200))) == 64


def test_a_minimum_of_none_reads_nothing_at_once(pair: Pair) -> None:
    cc = bytearray(SLAVE_TERMIOS.cc)
    cc[VMIN] = 0
    pair.modes(cc=bytes(cc))
    assert pair.linux.read(pair.slave, 1) == b""


def test_switching_to_canonical_mode_makes_a_line_of_what_is_there(pair: Pair) -> None:
    pair.modes()
    pair.linux.write(pair.master, b"pushed")
    pair.modes(lflag=ICANON)
    assert pair.linux.read(pair.slave, 100) == b"pushed"


def test_a_signal_character_clears_the_input(pair: Pair) -> None:
    assert pair.typed(b"lost\n\x03kept\n") == b"kept\n"


def test_noflsh_keeps_the_input(pair: Pair) -> None:
    pair.modes(lflag=SLAVE_TERMIOS.lflag | NOFLSH)
    assert pair.typed(b"kept \x03too\n") == b"kept too\n"


def test_parmrk_doubles_a_byte_of_all_ones(pair: Pair) -> None:
    pair.modes(iflag=PARMRK)
    assert pair.typed(b"\xff") == b"\xff\xff"


def test_a_stop_character_holds_output(pair: Pair) -> None:
    pair.linux.write(pair.master, b"\x13")
    assert not pair.poll(pair.slave) & POLLOUT
    with refused(EAGAIN):
        pair.linux.write(pair.slave, b"held")
    pair.linux.write(pair.master, b"\x11")
    assert pair.linux.write(pair.slave, b"flows") == 5


def test_any_character_starts_output_with_ixany(pair: Pair) -> None:
    pair.modes(iflag=IXON | IXANY)
    pair.linux.write(pair.master, b"\x13a")
    assert pair.linux.write(pair.slave, b"flows") == 5


def test_a_start_character_does_not_undo_tcflow(pair: Pair) -> None:
    pair.linux.tcflow(pair.slave, TCOOFF)
    pair.linux.write(pair.master, b"\x11")
    with refused(EAGAIN):
        pair.linux.write(pair.slave, b"held")
    pair.linux.tcflow(pair.slave, TCOON)
    assert pair.linux.write(pair.slave, b"flows") == 5


def test_output_expands_tabs_and_newlines(pair: Pair) -> None:
    pair.modes(oflag=SLAVE_TERMIOS.oflag | OPOST | TAB3)
    pair.linux.write(pair.slave, b"ab\tc\n\td")
    assert pair.linux.read(pair.master, 100) == b"ab      c\r\n        d"


def test_the_master_reads_the_rest_before_it_hears_of_the_close(pair: Pair) -> None:
    pair.linux.write(pair.slave, b"rest")
    pair.linux.close(pair.slave)
    assert pair.poll(pair.master) & (POLLIN | POLLHUP) == POLLIN | POLLHUP
    assert pair.linux.read(pair.master, 100) == b"rest"
    with refused(EIO):
        pair.linux.read(pair.master, 100)


def test_closing_the_master_hangs_the_slave_up(pair: Pair) -> None:
    pair.linux.write(pair.master, b"lost\n")
    pair.linux.close(pair.master)
    assert pair.linux.read(pair.slave, 100) == b""
    with refused(EIO):
        pair.linux.write(pair.slave, b"x")
    with refused(EIO):
        pair.linux.tcflush(pair.slave, TCIFLUSH)
    with refused(EIO):
        pair.linux.reopen(pair.slave, O_RDWR)


def test_packet_mode_puts_a_byte_before_data(pair: Pair) -> None:
    pair.linux.ioctl(pair.master, TIOCPKT, 1)
    pair.linux.write(pair.slave, b"data")
    assert pair.linux.read(pair.master, 100) == b"\0data"


def test_packet_mode_tells_of_a_flush(pair: Pair) -> None:
    pair.linux.ioctl(pair.master, TIOCPKT, 1)
    pair.linux.tcflush(pair.slave, TCIFLUSH)
    assert pair.poll(pair.master) & POLLPRI
    assert pair.linux.read(pair.master, 100) == bytes((TIOCPKT_FLUSHREAD,))


def test_extproc_leaves_editing_to_somebody_else(pair: Pair) -> None:
    pair.modes(lflag=ICANON | ECHO | ECHOCTL | EXTPROC)
    assert pair.typed(b"a\x7f\x15") == b"a\x7f\x15"


def test_input_raises_sigio_where_it_was_asked_for(pair: Pair) -> None:
    pair.linux.fcntl(pair.slave, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC)
    pair.linux.write(pair.master, b"line\n")
    assert pair.linux.signals == [SIGIO]
