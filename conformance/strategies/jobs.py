# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops on processes, sessions and signals, and for terminals under job control.

Job control shows only where several things have come together: a session, its terminal, a process in front or behind.
Left to chance that is seldom, so each program has a scene that sets it up.
"""

from __future__ import annotations

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strategies.recipes import Make, Recipe
from conformance.strategies.scenes import Scene
from conformance.strategies.slots import FILLED, SlotTable
from conformance.strategies.source import Source, pick
from reference.constants.limits import INT_MAX
from reference.constants.open_flags import O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY
from reference.constants.requests import TIOCGPGRP, TIOCGSID, TIOCNOTTY, TIOCSCTTY, TIOCSPGRP, TIOCSWINSZ
from reference.constants.signals import (
    SIG_BLOCK,
    SIG_CATCH,
    SIG_IGN,
    SIG_SETMASK,
    SIG_UNBLOCK,
    SIGCONT,
    SIGHUP,
    SIGINT,
    SIGQUIT,
    SIGTSTP,
    SIGTTIN,
    SIGTTOU,
    SIGWINCH,
)
from reference.constants.terminals import B38400, CREAD, CS8, ECHO, ICANON, ICRNL, ISIG, TCSANOW, TOSTOP
from reference.structures import Termios, Winsize

_PROCESS, _MASTER, _SLAVE = "process", "pty.master", "pty.slave"
_ENDS = (_SLAVE, _SLAVE, _SLAVE, _MASTER)
_DESCENTS_MAX = 4
_DESCENTS = "descents"
_SIGNALS = (SIGTTIN, SIGTTIN, SIGTTOU, SIGTTOU, SIGTTOU, SIGHUP, SIGCONT, SIGWINCH, SIGINT, SIGQUIT, SIGTSTP)
_ODD_PROCESSES = (-1, 7, INT_MAX, -7, 2**31, 2**32 + 1)
_BLOCKED = (
    (SIGHUP, SIGCONT, SIGWINCH, SIGINT, SIGQUIT, SIGTSTP),
    (SIGHUP, SIGINT, SIGWINCH),
    (SIGTSTP, SIGCONT),
    (SIGQUIT, SIGTSTP),
)
_SIGNAL_CHARACTERS = (b"\x03", b"\x1a", b"\x1c", b"\x1a", b"\x03")
_WINDOWS = (Winsize(1, 0, 0, 0), Winsize(24, 80, 0, 0))
STOPPING = Termios(
    ICRNL,
    0,
    B38400 | CS8 | CREAD,
    ISIG | ICANON | ECHO | TOSTOP,
    bytes((3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0)),
)


def _process(source: Source, slots: SlotTable) -> Slot | int:
    """A process or a group: mostly one of the program's."""
    kind = source.below(12)
    if kind == 11:
        return pick(source, _ODD_PROCESSES)
    slot = slots.any_of(source, _PROCESS) if kind < 6 else None
    if slot is not None:
        return slot
    return 0 if kind < 9 else 1


def _setsid(source: Source, slots: SlotTable) -> Op:
    return Op("setsid", ())


def _spawn(source: Source, slots: SlotTable) -> Op:
    return Op("spawn", (), (slots.new(_PROCESS),))


def descend(source: Source, slots: SlotTable) -> Op | None:
    """The program goes on in a child."""
    made = slots.notes.get(_DESCENTS, 0)
    if made == _DESCENTS_MAX:
        return None
    assert isinstance(made, int)
    slots.notes[_DESCENTS] = made + 1
    return Op("descend", (), (slots.new(_PROCESS),))


def _asking(call: str) -> Make:
    return lambda source, slots: Op(call, (_process(source, slots),))


def _setpgid(source: Source, slots: SlotTable) -> Op:
    process = _process(source, slots)
    return Op("setpgid", (process, pick(source, (0, process)) if source.below(3) else _process(source, slots)))


def _sigaction(source: Source, slots: SlotTable) -> Op:
    return Op("sigaction", (pick(source, _SIGNALS), pick(source, (SIG_IGN, SIG_CATCH))))


def _sigprocmask(source: Source, slots: SlotTable) -> Op:
    how = pick(source, (SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK)) if source.below(24) < 23 else 3
    return Op("sigprocmask", (how, tuple([pick(source, _SIGNALS) for _ in range(source.below(4))])))


def _on_terminal(request: int, *arguments: int) -> Make:
    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source, *_ENDS)
        if slot is None:
            return None
        return Op("ioctl", (slot, request, pick(source, arguments)) if arguments else (slot, request))

    return make


def _set_foreground(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_ENDS)
    return None if slot is None else Op("ioctl", (slot, TIOCSPGRP, _process(source, slots)))


# Scenes -------------------------------------------------------------------------------------------


def _newest(slots: SlotTable, tag: str) -> Slot | None:
    live = slots.live.get(tag)
    return live[-1] if live else None


def _pair(source: Source, slots: SlotTable) -> Op | None:
    """Open a pseudoterminal, unlock it, open its slave: whichever is next; None when all is done."""
    master = _newest(slots, _MASTER)
    if master is None:
        return Op("posix_openpt", (O_RDWR | O_NONBLOCK,), (slots.new(_MASTER),))
    if slots.notes.get(master) is None:
        slots.notes[master] = "unlocked"
        return Op("unlockpt", (master,))
    if _newest(slots, _SLAVE) is None:
        return Op("open_slave", (master, O_RDWR | O_NONBLOCK), (slots.new(_SLAVE),))
    return None


def _stop_writers(source: Source, slots: SlotTable) -> Op | None:
    slave = _newest(slots, _SLAVE)
    return None if slave is None else Op("tcsetattr", (slave, TCSANOW, STOPPING))


def lead_group(source: Source, slots: SlotTable) -> Op:
    """The caller leaves its group for one of its own."""
    return Op("setpgid", (0, 0))


def _make_group(source: Source, slots: SlotTable) -> Op | None:
    process = _newest(slots, _PROCESS)
    return None if process is None else Op("setpgid", (process, 0))


def _put_in_front(source: Source, slots: SlotTable) -> Op | None:
    slave, process = _newest(slots, _SLAVE), _newest(slots, _PROCESS)
    return None if slave is None or process is None else Op("ioctl", (slave, TIOCSPGRP, process))


def _open_apart(source: Source, slots: SlotTable) -> Op | None:
    """Open a slave, often without taking control; with other access modes than terminals usually have."""
    master = _newest(slots, _MASTER)
    if master is None:
        return None
    flags = pick(source, (O_NOCTTY | O_RDWR, O_NOCTTY | O_RDWR, O_RDWR, O_WRONLY, O_RDONLY)) | O_NONBLOCK
    return Op("open_slave", (master, flags), (slots.new(_SLAVE),))


def _block(source: Source, slots: SlotTable) -> Op:
    return Op("sigprocmask", (SIG_SETMASK, pick(source, _BLOCKED)))


def _unblock(source: Source, slots: SlotTable) -> Op:
    return Op("sigprocmask", (SIG_SETMASK, ()))


def _raise(source: Source, slots: SlotTable) -> Op | None:
    """Something that raises a signal in the foreground group, or its leader."""
    kind = source.below(8)
    slave, master = _newest(slots, _SLAVE), _newest(slots, _MASTER)
    if kind == 7 and slave is not None:
        return Op("ioctl", (slave, TIOCNOTTY))
    if master is None:
        return None
    if kind == 6:
        slots.close(master)
        return Op("close", (master,))
    if kind >= 4 or FILLED in slots.notes:
        return Op("ioctl", (master, TIOCSWINSZ, pick(source, _WINDOWS)))
    return Op("write", (master, pick(source, _SIGNAL_CHARACTERS)))


TERMINAL = (_setsid, _pair, _pair, _pair)
"""A session with a terminal, the caller leading it and in front."""
SCENES: tuple[Scene, ...] = (
    TERMINAL,
    (*TERMINAL, _spawn, _make_group, _put_in_front),
    (*TERMINAL, _stop_writers, _spawn, _make_group, _put_in_front),
    (*TERMINAL, descend, lead_group),
    (*TERMINAL, descend, lead_group),
    (*TERMINAL, _stop_writers, descend, lead_group),
    (_spawn, *TERMINAL, _put_in_front),
    (*TERMINAL, _raise, _raise),
    (*TERMINAL, _block, _raise, _raise, _unblock),
    (*TERMINAL, _block, _raise, _raise, _unblock, _raise),
    (_setsid, _pair, _pair, _open_apart),
    (*TERMINAL, descend, _setsid),
    (*TERMINAL, descend, _setsid, _spawn, _make_group),
    (_pair, _pair, _pair, _setsid),
    (),
)


RECIPES = (
    Recipe("setsid", 3, _setsid, opens=True),
    Recipe("spawn", 4, _spawn),
    Recipe("descend", 3, descend),
    Recipe("setpgid", 8, _setpgid),
    Recipe("getpgid", 2, _asking("getpgid")),
    Recipe("getsid", 2, _asking("getsid")),
    Recipe("sigaction", 7, _sigaction),
    Recipe("sigprocmask", 5, _sigprocmask),
    Recipe("open_slave", 2, _open_apart),
    Recipe("ioctl(TIOCSCTTY)", 5, _on_terminal(TIOCSCTTY, 0, 0, 1, 1, 2)),
    Recipe("ioctl(TIOCNOTTY)", 1, _on_terminal(TIOCNOTTY)),
    Recipe("ioctl(TIOCGPGRP)", 3, _on_terminal(TIOCGPGRP)),
    Recipe("ioctl(TIOCSPGRP)", 10, _set_foreground),
    Recipe("ioctl(TIOCGSID)", 2, _on_terminal(TIOCGSID)),
)
