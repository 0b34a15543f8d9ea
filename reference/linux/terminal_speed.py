# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The speeds that the control modes of a terminal spell (termios(3), "Line speed"), in bits a second.

Four bits count through the classic speeds, a fifth goes on behind them.
The fifth bit alone (BOTHER) says that the speed stands beside the modes, where it stays as it was.
Input has bits of its own, and without any the speed of output.
"""

from __future__ import annotations

from reference.constants.terminals import B0, BOTHER, CBAUD, CBAUDEX, IBSHIFT
from reference.structures import Speeds

USUAL_SPEEDS = Speeds(38400, 38400)
_CLASSIC = (0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400)
_FAST = (57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000)
_FASTER = (1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000)
_SPEEDS = (*_CLASSIC, *_FAST, *_FASTER)


def speeds(cflag: int, before: Speeds) -> Speeds:
    """The speeds of some control modes that are set while others are in force."""
    output = _speed(cflag & CBAUD, before.output)
    own = cflag >> IBSHIFT & CBAUD
    return Speeds(output if own == B0 else _speed(own, before.input), output)


def _speed(code: int, before: int) -> int:
    if code == BOTHER:
        return before
    if code & CBAUDEX:
        code = (code & ~CBAUDEX) + len(_CLASSIC) - 1
    return _SPEEDS[code]
