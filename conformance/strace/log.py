# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The lines of a log of ``strace``, with or without ``-f``, ``-t``, ``-T``, ``-y``: calls where they end.

A call that is interrupted by others stands where it is resumed, for that is when it had what it waited for.
A write that has room in any pipe stands where it began, as a close does: others had it from then on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.errors import ConformanceError
from conformance.strace.values import Unbalanced, split_list

ONLY = 0
"""The number of the process of a log that names none."""
_PROCESS = re.compile(r"(?:\[pid\s+(\d+)\]|(\d+))\s+")
_TIME = re.compile(r"(?:\d\d:\d\d:\d\d(?:\.\d+)?|\d{6,}\.\d+|\d+\.\d{6})\s+")
_NAME = re.compile(r"(\w+)\(")
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
_UNFINISHED = re.compile(r"\s*<unfinished \.\.\.>\s*$")
_RESULT = re.compile(r"\)\s+= (\?|-?\d+|0x[0-9a-f]+)(?:<[^>]*>)?(?: (E[A-Z0-9]+))?(?: .*)?$")
_DETACHED = re.compile(r"strace: .*|.*<(?:detached|ptrace\([^)]*\)[^>]*) \.\.\.>$")
_HINT = "record it with `strace -f -o FILE COMMAND`"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that ended: the line, the process, the arguments as text, the number it gave, the error's name if any.

    ``result`` is None for a call that did not come back.
    """

    line: int
    process: int
    name: str
    arguments: tuple[str, ...]
    result: int | None
    error: str = ""

    @property
    def text(self) -> str:
        """The call as the log has it."""
        return f"{self.name}({', '.join(self.arguments)})"


@dataclass(frozen=True, slots=True)
class End:
    """A process that ended."""

    line: int
    process: int


Event = Call | End
_GIVING = frozenset(("write", "writev", "pwrite64", "send", "sendto", "sendmsg", "shutdown", "close"))
_ROOM_BYTES = 2**16


class BadLog(ConformanceError):
    """A file that is no log of strace."""


def read_log(text: str, source: str) -> tuple[Event, ...]:
    """What a log tells, in order. BadLog, with its line, for a line that is none of strace's."""
    events = dict(_events(text, source))
    return tuple(events[place] for place in sorted(events))


def _events(text: str, source: str) -> Iterator[tuple[int, Event]]:
    """Each event, and the number of the line where it stands."""
    begun: dict[int, tuple[int, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{source}, line {number}"
        process, rest = _who(line)
        if not rest.strip() or rest.startswith("--- ") or _DETACHED.fullmatch(rest):
            continue
        if rest.startswith("+++ "):
            begun.pop(process, None)
            yield number, End(number, process)
            continue
        start = number
        if resumed := _RESUMED.match(rest):
            start, head = begun.pop(process, (number, ""))
            if not head.startswith(f"{resumed[1]}("):
                raise BadLog(f"{resumed[1]} is resumed, but was not begun", where=where, hint=_HINT)
            rest = head + rest[resumed.end() :]
        elif _NAME.match(rest) is None:
            raise BadLog(f"no line of strace: {line[:60]!r}", where=where, hint=_HINT)
        if unfinished := _UNFINISHED.search(rest):
            begun[process] = (start, rest[: unfinished.start()])
            continue
        call = _call(number, process, rest, where)
        gives = call.name in _GIVING and call.result is not None and call.result <= _ROOM_BYTES
        yield start if gives else number, call
    if not text.strip():
        raise BadLog("the log is empty", where=source, hint=_HINT)


def _who(line: str) -> tuple[int, str]:
    """The process of a line, and the rest of it without times."""
    match = _PROCESS.match(line)
    process = ONLY
    if match and not _TIME.match(line):
        process = int(match[1] or match[2])
        line = line[match.end() :]
    if match := _TIME.match(line):
        line = line[match.end() :]
    return process, line


def _call(number: int, process: int, text: str, where: str) -> Call:
    name = _NAME.match(text)
    result = _RESULT.search(text)
    if name is None or result is None:
        raise BadLog(f"a call without a result: {text[:60]!r}", where=where, hint=_HINT)
    try:
        arguments = split_list(text[name.end() : result.start()])
    except Unbalanced as error:
        raise BadLog(f"{error}: {text[:60]!r}", where=where, hint=_HINT) from None
    value = None if result[1] == "?" else int(result[1], 0)
    return Call(number, process, name[1], tuple(arguments), value, result[2] or "" if value is not None else "")
