# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Processes, sessions and job control in the model."""

from __future__ import annotations

import pytest

from reference.constants.errors import EAGAIN, EINVAL, EIO, ENOTTY, EPERM, ESRCH
from reference.constants.open_flags import O_NOCTTY, O_NONBLOCK, O_RDWR, O_WRONLY
from reference.constants.requests import (
    FIOASYNC,
    FIONREAD,
    TIOCGPGRP,
    TIOCGSID,
    TIOCNOTTY,
    TIOCSCTTY,
    TIOCSPGRP,
    TIOCSWINSZ,
)
from reference.constants.signals import (
    SIG_BLOCK,
    SIG_CATCH,
    SIG_IGN,
    SIG_SETMASK,
    SIGCONT,
    SIGHUP,
    SIGINT,
    SIGIO,
    SIGTSTP,
    SIGTTIN,
    SIGTTOU,
    SIGWINCH,
)
from reference.constants.terminals import TCIFLUSH, TCSANOW, TOSTOP
from reference.linux.kernel import Linux
from reference.linux.profile import Profile
from reference.linux.terminal_modes import SLAVE_TERMIOS
from reference.outcomes import Sleeps
from reference.structures import Winsize

USER = Profile(uid=1000, gid=1000, capable=False)


class Session:
    """A session led by the first process, with a terminal."""

    def __init__(self, profile: Profile | None = None) -> None:
        self.linux = Linux(profile)
        self.linux.setsid()
        self.master = self.linux.posix_openpt(O_RDWR | O_NONBLOCK)
        self.linux.unlockpt(self.master)
        self.slave = self.linux.open_slave(self.master, O_RDWR | O_NONBLOCK)

    def signals(self) -> list[int]:
        """The signals of the caller since the last look."""
        raised = sorted(self.linux.signals)
        self.linux.signals.clear()
        return raised

    def fall_behind(self) -> None:
        """Go on in a child, in a group of its own."""
        self.linux.descend()
        self.linux.setpgid(0, 0)


@pytest.fixture
def session() -> Session:
    return Session()


def refused(errno: int) -> pytest.RaisesExc[OSError]:
    return pytest.raises(OSError, match=rf"\[Errno {errno}\]")


def test_the_leader_that_opens_a_slave_has_a_terminal_and_is_in_front(session: Session) -> None:
    assert session.linux.ioctl(session.slave, TIOCGSID) == 1
    assert session.linux.ioctl(session.slave, TIOCGPGRP) == 1


@pytest.mark.parametrize("flags", [O_RDWR | O_NOCTTY, O_WRONLY])
def test_a_slave_opened_without_control_or_only_to_write_controls_nothing(flags: int) -> None:
    linux = Linux()
    linux.setsid()
    master = linux.posix_openpt(O_RDWR)
    linux.unlockpt(master)
    linux.open_slave(master, flags)
    assert linux.ioctl(master, TIOCGPGRP) == 0
    with refused(ENOTTY):
        linux.ioctl(master, TIOCGSID)


def test_a_read_in_the_background_is_interrupted_by_sigttin(session: Session) -> None:
    session.fall_behind()
    with pytest.raises(Sleeps, match="JOB-STOPPED"):
        session.linux.read(session.slave, 0)
    assert session.signals() == [SIGTTIN]


def test_a_read_in_the_background_fails_when_sigttin_is_ignored_or_blocked(session: Session) -> None:
    session.fall_behind()
    assert session.linux.sigaction(SIGTTIN, SIG_IGN) == SIG_CATCH
    with refused(EIO):
        session.linux.read(session.slave, 1)
    assert session.linux.sigaction(SIGTTIN, SIG_CATCH) == SIG_IGN
    session.linux.sigprocmask(SIG_BLOCK, (SIGTTIN,))
    with refused(EIO):
        session.linux.read(session.slave, 1)
    assert session.signals() == []


def test_writes_in_the_background_stop_under_tostop_alone(session: Session) -> None:
    session.fall_behind()
    assert session.linux.write(session.slave, b"x") == 1
    session.linux.sigaction(SIGTTOU, SIG_IGN)
    session.linux.tcsetattr(session.slave, TCSANOW, SLAVE_TERMIOS._replace(lflag=TOSTOP))
    assert session.linux.write(session.slave, b"x") == 1
    session.linux.sigaction(SIGTTOU, SIG_CATCH)
    with pytest.raises(Sleeps, match="JOB-STOPPED"):
        session.linux.write(session.slave, b"")
    assert session.signals() == [SIGTTOU]


def test_an_orphaned_group_is_refused_instead_of_stopped(session: Session) -> None:
    session.linux.ioctl(session.slave, TIOCSPGRP, session.linux.spawn())
    with refused(EIO):
        session.linux.read(session.slave, 1)
    with refused(ENOTTY):
        session.linux.ioctl(session.master, TIOCSPGRP, 1)
    assert session.signals() == []


def test_a_refused_flush_empties_what_waits_in_front_of_the_discipline(session: Session) -> None:
    session.linux.write(session.master, b"line\n")
    session.fall_behind()
    with pytest.raises(Sleeps):
        session.linux.tcflush(session.slave, TCIFLUSH)
    assert session.linux.ioctl(session.slave, FIONREAD) == 5


def test_the_foreground_is_a_group_of_the_session_or_any_process_of_it(session: Session) -> None:
    session.linux.sigaction(SIGTTOU, SIG_IGN)
    for number, errno in ((-1, EINVAL), (0, ESRCH), (7, ESRCH), (2**31 - 1, ESRCH)):
        with refused(errno):
            session.linux.ioctl(session.slave, TIOCSPGRP, number)
    child = session.linux.spawn()
    assert session.linux.getpgid(child) == 1
    session.linux.ioctl(session.slave, TIOCSPGRP, child)
    assert session.linux.ioctl(session.master, TIOCGPGRP) == child


def test_a_group_of_another_session_is_not_put_in_front() -> None:
    linux = Linux()
    stranger = linux.spawn()
    linux.setsid()
    master = linux.posix_openpt(O_RDWR)
    linux.ioctl(master, TIOCSCTTY, 0)
    with refused(EPERM):
        linux.ioctl(master, TIOCSPGRP, stranger)


def test_only_root_takes_a_terminal_from_another_session() -> None:
    for profile, argument, taken in ((None, 0, False), (None, 1, True), (USER, 1, False)):
        session = Session(profile)
        session.linux.descend()
        session.linux.setsid()
        if taken:
            assert session.linux.ioctl(session.slave, TIOCSCTTY, argument) == 0
            assert session.linux.ioctl(session.slave, TIOCGSID) == 2
        else:
            with refused(EPERM):
                session.linux.ioctl(session.slave, TIOCSCTTY, argument)


def test_a_user_needs_a_description_that_can_be_read() -> None:
    linux = Linux(USER)
    linux.setsid()
    master = linux.posix_openpt(O_WRONLY)
    with refused(EPERM):
        linux.ioctl(master, TIOCSCTTY, 0)


def test_a_leader_that_gives_up_its_terminal_hangs_up_the_foreground(session: Session) -> None:
    session.linux.ioctl(session.slave, TIOCNOTTY)
    assert session.signals() == [SIGHUP, SIGCONT]
    with refused(ENOTTY):
        session.linux.ioctl(session.slave, TIOCGPGRP)


def test_a_member_gives_up_the_terminal_for_itself(session: Session) -> None:
    session.linux.descend()
    session.linux.ioctl(session.slave, TIOCNOTTY)
    assert session.signals() == []
    assert session.linux.ioctl(session.master, TIOCGSID) == 1
    session.linux.setpgid(0, 0)
    with refused(EAGAIN):
        session.linux.read(session.slave, 1)


def test_a_hang_up_tells_the_leader_alone(session: Session) -> None:
    session.linux.close(session.master)
    assert session.signals() == [SIGHUP, SIGCONT]
    other = Session()
    other.linux.descend()
    other.linux.close(other.master)
    assert other.signals() == []


def test_signal_characters_and_window_changes_reach_the_foreground(session: Session) -> None:
    session.linux.write(session.master, b"\x03")
    session.linux.ioctl(session.slave, TIOCSWINSZ, Winsize(1, 1, 0, 0))
    session.linux.ioctl(session.slave, TIOCSWINSZ, Winsize(1, 1, 0, 0))
    assert session.signals() == [SIGINT, SIGWINCH]
    session.fall_behind()
    session.linux.write(session.master, b"\x03")
    session.linux.ioctl(session.slave, TIOCSWINSZ, Winsize(2, 2, 0, 0))
    assert session.signals() == []


def test_sigcont_takes_a_pending_stop_signal_away(session: Session) -> None:
    session.linux.sigprocmask(SIG_BLOCK, (SIGTSTP, SIGHUP))
    session.linux.write(session.master, b"\x1a")
    session.linux.ioctl(session.slave, TIOCNOTTY)
    assert session.signals() == [SIGCONT]
    assert session.linux.sigprocmask(SIG_SETMASK, ()) == (SIGHUP, SIGTSTP)
    assert session.signals() == [SIGHUP]


def test_a_pending_signal_is_forgotten_when_it_comes_to_be_ignored(session: Session) -> None:
    session.linux.sigprocmask(SIG_BLOCK, (SIGWINCH,))
    session.linux.ioctl(session.slave, TIOCSWINSZ, Winsize(1, 1, 0, 0))
    session.linux.sigaction(SIGWINCH, SIG_IGN)
    session.linux.sigaction(SIGWINCH, SIG_CATCH)
    session.linux.sigprocmask(SIG_SETMASK, ())
    assert session.signals() == []


def test_sigio_goes_to_the_group_that_was_in_front_when_it_was_first_asked_for(session: Session) -> None:
    session.linux.ioctl(session.slave, FIOASYNC, 1)
    session.linux.descend()
    session.linux.write(session.master, b"a\n")
    assert session.signals() == [SIGIO]
    session.linux.setpgid(0, 0)
    session.linux.write(session.master, b"b\n")
    assert session.signals() == []


def test_a_group_leader_leads_no_new_session_and_a_session_leader_no_new_group() -> None:
    linux = Linux()
    linux.setpgid(0, 0)
    with refused(EPERM):
        linux.setsid()
    linux.descend()
    assert linux.setsid() == 2
    with refused(EPERM):
        linux.setpgid(0, 0)


def test_only_the_caller_and_its_children_change_groups() -> None:
    linux = Linux()
    child = linux.spawn()
    for process, group, errno in ((child, 1, EPERM), (child, -1, EINVAL), (-1, 1, ESRCH), (9, 0, ESRCH)):
        with refused(errno):
            linux.setpgid(process, group)
    linux.descend()
    with refused(ESRCH):
        linux.setpgid(child, 0)


def test_processes_outside_are_number_zero_and_unknown_ones_are_no_process() -> None:
    linux = Linux()
    assert linux.getpgid(0) == linux.getsid(1) == linux.getpgid(2**32) == 0
    with refused(ESRCH):
        linux.getsid(2)


def test_a_mask_is_changed_in_three_ways() -> None:
    linux = Linux()
    assert linux.sigprocmask(SIG_BLOCK, (SIGTTOU, SIGHUP)) == ()
    assert linux.sigprocmask(SIG_SETMASK, ()) == (SIGHUP, SIGTTOU)
    with refused(EINVAL):
        linux.sigprocmask(3, ())
