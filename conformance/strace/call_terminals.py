# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The call with many requests: ioctl, most of them on terminals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strace.files import Untold
from conformance.strace.telling import Handler, Telling, number
from conformance.strace.values import Words
from conformance.vocabulary.structures import USUAL_TERMIOS
from reference.constants.by_name import NUMBERS
from reference.constants.open_flags import O_CLOEXEC
from reference.constants.requests import TIOCGPTPEER, TIOCSPTLCK, TIOCSWINSZ
from reference.structures import Winsize

_SET_TERMIOS = {"TCSETS": "TCSANOW", "TCSETSW": "TCSADRAIN", "TCSETSF": "TCSAFLUSH"}
_ON_TERMINALS = {"TCFLSH": "tcflush", "TCXONC": "tcflow"}


def _ioctl(t: Telling, a: list[Any]) -> Iterator[Op]:
    slot = t.slot(a[0])
    request = (a[1].text if isinstance(a[1], Words) else t.call.arguments[1]).rpartition(" or ")[2]
    if request == "TCGETS":
        yield Op("tcgetattr", (slot,))
    elif request in _SET_TERMIOS:
        yield Op("tcsetattr", (slot, NUMBERS[_SET_TERMIOS[request]], _termios(a[2])))
    elif request in _ON_TERMINALS:
        yield Op(_ON_TERMINALS[request], (slot, number(a[2])))
    elif request == "TIOCSPTLCK" and isinstance(a[2], list):
        yield Op("unlockpt", (slot,)) if a[2] == [0] else Op("ioctl", (slot, TIOCSPTLCK, number(a[2][0])))
    elif request == "TIOCGPTPEER":
        flags = number(a[2])
        out = t.keep(t.call.result, closes=bool(flags & O_CLOEXEC))
        yield Op("ioctl", (slot, TIOCGPTPEER, flags), (out,))
    elif request == "TIOCSWINSZ" and isinstance(a[2], dict):
        sizes = (a[2].get(name, 0) for name in ("ws_row", "ws_col", "ws_xpixel", "ws_ypixel"))
        yield Op("ioctl", (slot, TIOCSWINSZ, Winsize(*map(number, sizes))))
    else:
        yield _request(slot, request, a[2:])


def _request(slot: Slot, request: str, rest: list[Any]) -> Op:
    code = NUMBERS.get(request)
    if request in ("TIOCSCTTY", "TIOCNOTTY", "TIOCSPGRP"):
        raise Untold("what controls a session belongs to processes, of which the program has one")
    if code is None:
        raise Untold(f"no op for the request {request}")
    takes = request in ("FIONBIO", "FIOASYNC", "TIOCPKT", "TCSBRK", "TCSBRKP", "TIOCSTI")
    values = rest[0] if takes and rest and isinstance(rest[0], list) else rest
    return Op("ioctl", (slot, code, *(number(value) for value in values[:1])) if takes else (slot, code))


def _termios(value: Any) -> Any:
    if not isinstance(value, dict):
        raise Untold("the attributes are not in the log")
    flags: dict[str, Any] = {
        name: number(value[f"c_{name}"]) for name in ("iflag", "oflag", "cflag", "lflag") if f"c_{name}" in value
    }
    return USUAL_TERMIOS._replace(**flags)


CALLS_ON_TERMINALS: dict[str, Handler] = {
    "ioctl": _ioctl,
}
